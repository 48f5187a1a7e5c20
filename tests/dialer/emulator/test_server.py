"""What the application answers outside of Twilio's API, and where nothing is."""

import requests


def test_health_tells_the_shifted_time(another_emulator):
    emulator = another_emulator(clock_offset_seconds=86_400.0)
    health = requests.get(f"{emulator.url}/emulator/health", timeout=5).json()
    created = emulator.call("busy").date_created
    assert health["ok"] is True
    assert health["now"][:10] == created.date().isoformat()


def test_paths_and_methods_that_do_not_exist_are_answered_as_twilio_does(emulator):
    nowhere = requests.get(f"{emulator.url}/2010-04-01/Accounts/AC1/Nothing.json", timeout=5)
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, 20404)
    put = requests.put(f"{emulator.url}/2010-04-01/Accounts/AC1/Calls.json", timeout=5)
    assert (put.status_code, put.json()["code"]) == (405, 20004)


def test_faults_can_be_read_back(emulator):
    emulator.faults(late_seconds=4.5)
    assert requests.get(f"{emulator.url}/emulator/faults", timeout=5).json()["late_seconds"] == 4.5
