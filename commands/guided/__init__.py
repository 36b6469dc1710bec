"""Guided: the right commands, in order, for the days when something happened.

A workflow is a table of steps. How far a case has come is read from what is there:
orders, deliveries, audit entries, facts of the device.
"""
