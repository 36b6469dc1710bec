"""Identity providers of others, run as processes, and a browser to sign in with."""
