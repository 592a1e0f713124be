"""A SLURM of one node for tests: no accounting, loopback only, its files in a folder of its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import shutil
import signal
import subprocess
import time

NEEDED = ("sbatch", "slurmctld", "slurmd", "munged", "setpriv")
_PATH = f"{os.environ['PATH']}:/usr/sbin"
_CONFIG = """\
ClusterName=one
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=cred_expire=5
SlurmctldPort=16817
SlurmdPort=16818
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/affinity
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
KillWait=5
JobRequeue=1
SchedulerParameters=sched_interval=2,batch_sched_delay=0,requeue_delay=1
NodeName=localhost NodeAddr=127.0.0.1 CPUs={cores} RealMemory=2000 State=UNKNOWN
PartitionName=debug Nodes=localhost Default=YES MaxTime=INFINITE State=UP
"""


class Cluster:
    """The daemons, each by its process."""

    def __init__(self, folder: Path):
        self.folder, self.environment = folder, {**os.environ, "SLURM_CONF": str(folder / "slurm.conf"), "PATH": _PATH}
        self._munge: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Write the configuration and start all three."""
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        cores = len(os.sched_getaffinity(0))
        (self.folder / "slurm.conf").write_text(_CONFIG.format(folder=self.folder, cores=cores))
        subprocess.run(["install", "-d", "-m", "0755", "-o", "munge", "-g", "munge", "/run/munge"], check=True)
        words = ["setpriv", "--reuid=munge", "--regid=munge", "--clear-groups", "munged", "--foreground"]
        self._munge = subprocess.Popen(words, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.daemon("slurmctld")
        self.daemon("slurmd", "-N", "localhost")
        self.wait_for(lambda: "idle" in self.ask("sinfo", "-h", "-o", "%t"))

    def daemon(self, name: str, *words: str) -> None:
        """Start a daemon, which goes to the background."""
        subprocess.run([name, *words, "-f", str(self.folder / "slurm.conf")], env=self.environment, check=True)

    def kill(self, name: str, number: int = signal.SIGTERM) -> None:
        """Send a signal to a daemon, and wait until it is gone."""
        file = self.folder / f"{name}.pid"
        process = int(file.read_text())
        os.kill(process, number)
        self.wait_for(lambda: not Path(f"/proc/{process}").exists())

    def ask(self, *words: str) -> str:
        """What a command of SLURM prints."""
        return subprocess.run(words, env=self.environment, capture_output=True, text=True, timeout=30).stdout

    def wait_for(self, happens: Callable[[], bool], seconds: float = 120.0) -> None:
        """Poll until something holds."""
        deadline = time.monotonic() + seconds
        while not happens():
            assert time.monotonic() < deadline, (self.ask("squeue", "-t", "all"), self.ask("sinfo"))
            time.sleep(0.25)

    def stop(self) -> None:
        """End what was started."""
        for name in ("slurmd", "slurmctld"):
            if (self.folder / f"{name}.pid").exists():
                self.kill(name)
        if self._munge:
            self._munge.terminate()
            self._munge.wait()


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Run a cluster of one node."""
    made = Cluster(folder)
    try:
        made.start()
        yield made
    finally:
        made.ask("scancel", "--user=root")
        made.stop()


def is_installed() -> bool:
    """Whether all that it takes is there."""
    return os.getuid() == 0 and all(shutil.which(name, path=_PATH) for name in NEEDED)
