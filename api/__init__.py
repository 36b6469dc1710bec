"""API: the portal for other programs, below /api/v1/."""
