"""Views: what is at each address of the API."""
