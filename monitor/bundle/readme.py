"""`README.txt` of a bundle of format 1: the same in every one, so that a reader can compare it. Pure."""

TEXT = """\
Residency Monitor: an evidence bundle, format 1
===============================================

What this is
  What a ledger of Residency Monitor holds of one finding: connections that went outside a policy, or
  that the evidence does not decide. The monitor watches packets; it neither reads nor changes what is sent.

What is in it
  finding.json     the finding as it was recorded last (manifest.json, state "ledger"), or as the decisions
                   here add up to (state "computed")
  changes.jsonl    each step in the finding's life that was recorded
  decisions.jsonl  the decisions on its connections, byte for byte as the ledger has them. A connection that
                   was decided on while it lived comes twice; the end counts (totals.reason is not "active")
  entries.jsonl    for each of them, and for the policy and the data sets that were loaded then: its leaf in
                   the ledger, the salt, the payload or where it stands, and the proof that it is in the tree
  checkpoint       the signed state of the ledger that the proofs lead to (C2SP tlog-checkpoint)
  key.pub          the key that signed it (C2SP signed-note); see "trust"
  policy.yaml      the policy that counted at the last of these decisions (manifest.json, policy)
  datasets.json    catalogue and data sets that counted then, by name and version
  captures.json    captures that were named when this was made: name, size, SHA-256, and the numbers of the
                   packets of each decision
  packets.pcap     the beginnings of these connections, up to the ClientHello; no application data
  versions.json    what made this bundle
  manifest.json    size and SHA-256 of each file

What it proves
  Each decision, each change and each policy here stood in the ledger, unaltered, when the checkpoint was
  signed. Whoever holds a checkpoint of that ledger can tell that the ledger only grew since.

What it does not prove
  - That these are all decisions and changes of the finding, and all policies that were loaded meanwhile:
    what retention erased is not here, and what was left out of a bundle leaves no hole. So a later change
    of the finding, or a later policy, may be missing. An export that the ledger notes, it notes with the
    bundle's SHA-256, which tells whether this is the file that was exported.
  - captures.json, packets.pcap and versions.json, and policy.yaml where it comes from a file, are not in
    the ledger. The SHA-256 of a capture tells whether you have the same one.
  - Network evidence shows where a connection ended, not where inference ran. A server name is what the
    client chose to say. Which data was sent is encrypted, and was not read.

Trust
  key.pub came with this bundle. Compare it with a key that you had from elsewhere: otherwise you only
  know that the bundle fits itself.

To verify
  residency verify BUNDLE.zip

To replay, where you have the capture
  unzip BUNDLE.zip policy.yaml decisions.jsonl
  residency replay CAPTURE --policy policy.yaml --out replayed
  The lines of decisions.jsonl whose totals.reason is not "active" stand in replayed/decisions.jsonl, byte
  for byte, if catalogue and data sets are those of datasets.json, and the ledger has no pseudonyms.
"""


def readme() -> bytes:
    """Return the file's content."""
    return TEXT.encode()
