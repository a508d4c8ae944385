"""Addresses that the app listens on: the next free port, and clear words for what cannot be used."""

from __future__ import annotations

import socket

import pytest
from requirements import requirement

from engines.config.address import free_port, is_loopback
from engines.errors import ConfigError


@requirement("app.start")
def test_a_taken_port_leads_to_the_next():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert port < free_port("127.0.0.1", port) <= port + 49
        with pytest.raises(ConfigError, match=f"from {port} to {port} .*--port"):
            free_port("127.0.0.1", port, tries=1)


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "no.such.host.invalid"])
def test_an_address_of_another_machine_is_named(host):
    with pytest.raises(ConfigError, match=rf"{host} is no address of this machine .*--host"):
        free_port(host, 7860)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.5.5.5", "::1", "localhost", "a.localhost"])
def test_only_this_machine_reaches_a_loopback_address(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.org", "192.168.0.2", "localhost.example.org"])
def test_other_machines_may_reach_every_other_address(host):
    assert not is_loopback(host)
