"""Secrets that orders put in force and devices hand over, from order to rotation."""
