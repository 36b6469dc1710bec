"""What stands outside the server: simulated devices, simulators of Apple's services.

Everything here speaks to the server over sockets, as its real counterpart does, and of
the server's code knows only `mdmportal.protocol` and Apple's `catalogue`.
"""
