"""The same decision for everybody: columns, screens, segments, comparisons, what-if and replay."""
