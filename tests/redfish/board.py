"""A Redfish board whose switch is a folder: board.py FOLDER ADDRESS PORT CERTIFICATE KEY

`power` in the folder says On or Off; what the board is told to do it writes to `wanted`, and whoever owns the folder does it.
"""

import pathlib
import sys

from sushy_tools.emulator import main
from sushy_tools.emulator.resources.systems import fakedriver

folder = pathlib.Path(sys.argv[1])


def get_power_state(self, identity):
    self._get(identity)
    return (folder / "power").read_text().strip()


def set_power_state(self, identity, state):
    self._get(identity)
    (folder / "wanted").write_text(state)


fakedriver.FakeDriver.get_power_state = get_power_state
fakedriver.FakeDriver.set_power_state = set_power_state
address, port, certificate, key = sys.argv[2:]
sys.argv = ["sushy-emulator", "--fake", "-i", address, "-p", port, "--ssl-certificate", certificate, "--ssl-key", key]
sys.exit(main.main())
