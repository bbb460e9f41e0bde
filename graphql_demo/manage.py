#!/usr/bin/env python
"""The command line: debug mode unless the environment says otherwise. Servers use config/wsgi.py."""

import os
import sys
from pathlib import Path

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).resolve().parent.parent))  # patterns/ is beside the demos
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("DEBUG", "1")
    execute_from_command_line(sys.argv)
