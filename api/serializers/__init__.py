"""Serializers: how rows are told as JSON, and how what is asked is read."""
