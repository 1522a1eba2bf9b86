"""The gate: may this be done with this person now, and why; and the permit that is taken in the moment of acting."""
