"""Load: what a request of each road costs the server, and how many it answers."""
