"""Imported last by the process that worker processes are forks of: its objects are no garbage.

Python looks through all objects for garbage now and then. In a fork that would copy the pages in which they lie, and
modules with their libraries have 400 MB of them.
"""

import gc

gc.freeze()
