"""Listens on a port with a second thread, after its first thread has ended: as every server does for a moment while it ends.

    headless.py PORT
"""

import ctypes
import platform
import socket
import sys
import threading
import time

EXIT_THREAD = {"x86_64": 60, "aarch64": 93}[platform.machine()]  # the system call `exit`, which ends one thread only

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
threading.Thread(target=time.sleep, args=[60]).start()
ctypes.CDLL(None).syscall(EXIT_THREAD, 0)
