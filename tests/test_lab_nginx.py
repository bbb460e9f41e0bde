"""The labs' nginx has the rules of deploy/nginx.conf, and one upstream."""

import re
import shutil
from pathlib import Path

import pytest

from labkit import nginx


def test_a_lab_listens_on_its_port_alone_and_knows_one_upstream(tmp_path: Path) -> None:
    text = nginx.configuration(tmp_path, 20001, 20002)
    places = re.findall(r"^ +listen (\S+);", text, re.MULTILINE)
    [routes] = re.findall(r"map \$server_port \$upstream \{(.*?)\}", text, re.DOTALL)

    assert sorted(places) == ["127.0.0.1:20001", f"unix:{tmp_path}/status.sock"]
    assert routes.split() == ["default", "127.0.0.1:20002;"]
    assert not re.search(r"(?<!\S)/tmp/nginx", text)


def test_a_machine_without_nginx_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name, path: None)

    with pytest.raises(nginx.NginxMissing, match=r"nginx is not installed here.*apt-get install nginx-light") as raised:
        nginx.find_nginx()

    assert "\n" not in str(raised.value)
