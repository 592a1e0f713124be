"""The notebooks: stripped, and run from an empty folder on the networks that come with the project."""

from pathlib import Path
from typing import Any

from factories import PATIENCE, ROOT, environment
import nbformat
import pytest

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TURN = """
for slider, value in zip(redraw.widget.children, (1, 1, 0.5)):
    slider.value = value
"""


def executed(content: Any, folder: Path) -> None:
    """Run a notebook's cells in its folder.

    Cells with widgets send on the socket that their reply is awaited on, which can swallow the signal that it has come:
    the client then waits for its whole timeout (nbclient issue 312). Asking for the socket's events makes up for it.
    """
    from jupyter_client.asynchronous.client import AsyncKernelClient
    from jupyter_client.channels import AsyncZMQSocketChannel
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from traitlets import Type
    import zmq

    class Shell(AsyncZMQSocketChannel):
        def send(self, message: Any) -> None:
            super().send(message)
            self.socket.get(zmq.EVENTS)

    class Client(AsyncKernelClient):
        shell_channel_class = Type(Shell)

    class Manager(AsyncKernelManager):
        client_factory = Type(Client)

    place = {"metadata": {"path": str(folder)}}
    NotebookClient(content, timeout=PATIENCE, kernel_name="python3", kernel_manager_class=Manager, resources=place).execute()


def drawn_by_sliders(content: Any) -> list[str]:
    """The final output below each set of sliders, as a browser shows it."""
    models = content.metadata.widgets["application/vnd.jupyter.widget-state+json"].state.values()
    shown = [model.state.outputs for model in models if model.model_name == "OutputModel"]
    assert all([output.output_type for output in outputs] == ["display_data"] for outputs in shown)
    return [outputs[0].data["image/png"] for outputs in shown]


@pytest.mark.slow  # a part of its own: make notebooks
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_runs_anywhere_and_its_sliders_redraw(
    notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content: Any = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    code = [cell for cell in content.cells if cell.cell_type == "code"]
    assert content.metadata.kernelspec.name == "python3"
    assert not any(cell.outputs or cell.execution_count for cell in code)
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    (sliders,) = (cell.source for cell in code if "interact(" in cell.source)
    content.cells.append(nbformat.v4.new_code_cell(sliders + TURN))  # type: ignore[no-untyped-call]
    executed(content, tmp_path)
    untouched, turned = drawn_by_sliders(content)
    assert untouched != turned
    outputs = [output for cell in code for output in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 3
    assert sum("<img" in output.get("data", {}).get("text/html", "") for output in outputs) == 1
    said = [output.text for output in outputs if output.get("name") == "stderr"]
    assert all(line.startswith("loaded ") for text in said for line in text.splitlines())
