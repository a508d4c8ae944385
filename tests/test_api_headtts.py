"""HeadTTS's protocol, with its own client module."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile

import httpx
import pytest
from conftest import HOUSE
from requirements import requirement

FIELDS = {"words", "wtimes", "wdurations", "visemes", "vtimes", "vdurations"}
OCULUS = set("aa E I O U PP SS TH CH FF kk nn RR DD sil".split())
TEXTS = {
    "en-us": "Good morning, everybody.",
    "en-gb": "Good morning.",
    "es": "Buenos días a todos.",
    "fr": "Bonjour tout le monde.",
    "it": "Buongiorno a tutti.",
    "pt-br": "Bom dia a todos.",
    "hi": "नमस्ते दुनिया।",
    "ja": "おはようございます。",
    "zh": "大家早上好。",
    "de": "Guten Morgen zusammen.",
}
"""The languages of Kokoro's voices, and one that only others speak."""


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    """The client module, from npm; it needs none of the package's dependencies."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("Node.js and npm are not installed")
    folder = tmp_path_factory.mktemp("headtts")
    packed = subprocess.run(
        ["npm", "pack", "@met4citizen/headtts@1.3.0"], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    if packed.returncode:
        pytest.skip("no npm registry answers")
    with tarfile.open(folder / packed.stdout.split()[-1]) as package:
        package.extractall(folder, filter="data")
    return folder / "package" / "modules" / "headtts.mjs"


@requirement("api.headtts")
@pytest.mark.parametrize("scheme", ["http", "ws"])
def test_its_own_client_speaks_every_language_of_our_voices(module, program_server, scheme):
    asked = [{"input": text, "language": language, "voice": "af_bella"} for language, text in TEXTS.items()]
    address = program_server.url.replace("http", scheme, 1) + ("/v1" if scheme == "http" else "/v1/headtts")
    program = ["node", "--experimental-websocket", HOUSE / "tests/fixtures/headtts-client.mjs", module, address, json.dumps(asked)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=120, check=False)
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    assert len(answers) == len(TEXTS), done.stderr
    for answer, text in zip(answers, TEXTS.values(), strict=True):
        assert [message["type"] for message in answer] == ["audio"] * len(answer)
        for message in answer:
            assert message.keys() >= FIELDS
            assert message["audio"] > 10_000
            assert set(message["visemes"]) <= OCULUS
            assert len(message["vtimes"]) == len(message["visemes"]) > 3
        said = "".join(word for message in answer for word in message["words"])
        assert said.split()[0].strip(",.") in text


@requirement("api.headtts")
def test_parts_are_said_with_their_breaks_and_what_cannot_be_said_is_a_sentence(program_server):
    def synthesize(**asked: object) -> httpx.Response:
        return httpx.post(f"{program_server.url}/v1/synthesize", json={"voice": "maya", "language": "en", **asked}, timeout=30)

    plain, broken = (synthesize(input=given).json() for given in (["One.", " Two."], ["One.", {"type": "break", "value": 2000}, "Two."]))
    assert broken["wtimes"][-1] - plain["wtimes"][-1] > 1500
    for wrong in (
        {"input": {}},
        {"input": "a", "voice": "nobody"},
        {"input": "a", "speed": 99},
        {"input": [{"type": "phonetic", "value": "ə"}]},
        {"input": ""},
    ):
        refused = synthesize(**wrong)
        assert refused.status_code == 400
        assert refused.json()["error"].endswith(".")
