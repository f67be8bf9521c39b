"""The name of an accelerator belongs to its PCI slot, over restarts: a card that is taken out moves nobody else's name, and
its own name is not given away."""
from harness.agent import Agent
from harness.process import wait_until
from harness.rack import Rack

GPU = "  - {{product: NVIDIA H100 80GB HBM3, idle_power: 100, activity: {{hmma: 0.3}}, pci: \"{}\"}}\n"


def accelerators(agent: Agent) -> dict[str, str]:
    """PCI address by name."""
    return {labels["accelerator"]: labels["pci"]
            for labels, _ in agent.metrics().samples.get("flopwatt_accelerator_info", [])}


def test_names_stay_with_their_slots(tmp_path, started):
    folders = iter(range(9))

    def run_with(*slots: str) -> dict[str, str]:
        folder = tmp_path / f"rack{next(folders)}"
        folder.mkdir()
        rack = Rack(folder, "gpus:\n" + "".join(GPU.format(slot) for slot in slots)).start()
        started.append(rack)
        agent = Agent(folder, {"node": "rack-r12", "store": {"path": str(tmp_path / "flopwatt.db")},
                               "accelerators": {"nvidia": {"library": rack.library}}}, environment=rack.environment)
        started.append(agent)
        agent.start()
        wait_until(lambda: len(accelerators(agent)) == len(slots), 20, f"accelerators; {agent.log_text()}")
        wait_until(lambda: agent.metrics().get("flopwatt_store_readings_total") > 0, 20, "stored readings")
        names = accelerators(agent)
        assert agent.stop() == 0
        rack.stop()
        return names

    first, second, third = "0000:41:00.0", "0000:81:00.0", "0000:c1:00.0"
    assert run_with(first, second) == {"nvidia0": first, "nvidia1": second}
    assert run_with(second) == {"nvidia1": second}
    assert run_with(second, third) == {"nvidia1": second, "nvidia2": third}
    assert run_with(first, second, third) == {"nvidia0": first, "nvidia1": second, "nvidia2": third}
