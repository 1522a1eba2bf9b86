"""The press: HTML on standard input becomes a PDF on standard output. Run as a program, in a process of its own.

Rule. Nothing is fetched: a document that names a file or an address is refused, so that what a person wrote in a field
can never make this machine read or call anything. The PDF is tagged for screen readers (PDF/UA), and the same HTML gives
the same bytes. Printing needs the Pango library of the system, which is why it stands apart: the product starts without.
"""

from __future__ import annotations

import sys
from hashlib import sha256

import weasyprint  # type: ignore[import-untyped]  # the package ships no types
from weasyprint.urls import URLFetcher  # type: ignore[import-untyped]  # as above


def main() -> int:
    """Print one document; the exit status."""
    text = sys.stdin.buffer.read()
    document = weasyprint.HTML(string=text.decode(), url_fetcher=URLFetcher(allowed_protocols=()))
    sys.stdout.buffer.write(
        document.write_pdf(pdf_variant="pdf/ua-1", pdf_identifier=sha256(text).digest()[:16])
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
