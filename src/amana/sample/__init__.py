"""The sample company: invented customers and the files its old systems would export.

Rule: everything here is made from a seed and from short lists of our own. Addresses stand under reserved
domains only (RFC 2606, RFC 6761), numbers in ranges kept free for fiction or next to the numbering
library's published examples, and nobody in it exists. `people` says who they are, `records` what each
system holds about them, `exports` writes the files with the dirt that real exports have, and says the truth
to compare an import with.
"""
