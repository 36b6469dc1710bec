"""Ends with 0 when the web server of this container is ready; for health checks."""

import sys
import urllib.request

URL = "http://127.0.0.1:8000/readyz"

if __name__ == "__main__":
    host = {"Host": "localhost"}
    try:
        urllib.request.urlopen(urllib.request.Request(URL, headers=host), timeout=4)
    except OSError as error:
        sys.exit(str(error))
