"""Marks: audit entries by which a case, and steps that are not commands, are told."""

OPENED = "case opened"
TURNED = "case turned"
CLOSED = "case closed"
DONE = "case step done"
SKIPPED = "case step skipped"

SHOWN = (
    *(OPENED, TURNED, CLOSED, DONE, SKIPPED),
    *("owner assigned", "tag added", "asked to sign in again", "secret revealed"),
)
"""What of the audit a case's page tells."""
