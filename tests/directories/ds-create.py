#!/usr/bin/python3
"""ds-create.py INF: makes and starts a 389-ds instance on a machine without systemd, which its own dscreate cannot."""
import logging
import sys

import lib389
from lib389.instance.setup import SetupDs
from lib389.paths import Paths

lib389.DirSrv.with_systemd = lambda self: False
Paths.with_systemd = property(lambda self: False)
made = SetupDs(verbose=False, log=logging.getLogger("ds-create")).create_from_inf(sys.argv[1])
sys.exit(0 if made else 1)
