"""The ledger's mathematics: canonical records, sealing, Merkle tree, tiles, checkpoints and receipts.

Rule: pure over bytes. Nothing here reads a clock, draws a random number, opens a file or knows what a consent
is; keys, nonces, times and stored tiles are passed in. Whatever is checked either returns or raises
`amana.errors.VerificationFailed`; no check answers with a bool that could be ignored.

    canonical   a record has exactly one spelling in bytes (RFC 8785, restricted)
    packing     a record inside its sealed row, shorter
    sealing     commitment, authenticated encryption, blind index
    merkle      leaf and node hashes, inclusion and consistency proofs (RFC 6962, RFC 9162)
    tiles       what is stored: C2SP tlog-tiles, and the incremental appender
    nodes       the tree seen through stored tiles: node reader, whole-tree check
    note        signed text: C2SP signed-note and Ed25519 cosignatures
    checkpoint  the signed tree head: C2SP tlog-checkpoint
    receipt     what a person keeps: C2SP tlog-proof
    verify      the program that checks a receipt anywhere; the one module that reads a file, when it is run
"""
