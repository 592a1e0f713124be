"""A SLURM cluster of one node for tests, on loopback only, with its own files and ports, and with accounting on request."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import shutil
import signal
import socket
import subprocess
import time

from reactivation.sweep.folder import SILENCE

# Whoever died is silent for SILENCE before he is taken for dead, and no wait is longer on an idle machine: twelve runs take
# 40 s, and 400 s on one with six processes for each core. A test that hangs costs no more than this.
_PATIENCE = 5 * SILENCE
NEEDED = ("sbatch", "slurmctld", "slurmd", "munged")
OF_ACCOUNTING = ("slurmdbd", "mariadbd", "mariadb-install-db", "sacctmgr")
_PATH = f"{os.environ['PATH']}:/usr/sbin"
_CONFIG = """\
ClusterName=one
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=5
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/affinity
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=2000
ReturnToService=2
SlurmdTimeout=10
KillWait=2
MinJobAge=30
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SchedulerParameters=sched_interval=2,batch_sched_delay=0,requeue_delay=1
NodeName=localhost NodeAddr=127.0.0.1 CPUs={cores} RealMemory=8000 State=UNKNOWN
PartitionName=low Nodes=localhost Default=YES MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=high Nodes=localhost MaxTime=INFINITE State=UP PriorityTier=2 PreemptMode=OFF
"""
_ACCOUNTING = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePass={folder}/munge/socket
AccountingStoragePort={ports[2]}
"""
_DATABASE = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={ports[2]}
SlurmUser=root
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={ports[3]}
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct_db
"""


class Cluster:
    """The daemons, each by its process."""

    def __init__(self, folder: Path):
        self.folder, self.environment = folder, {**os.environ, "SLURM_CONF": str(folder / "slurm.conf"), "PATH": _PATH}
        self._own: list[subprocess.Popen[bytes]] = []  # that do not go to the background

    def start(self, accounting: bool) -> None:
        """Write the configuration and start all daemons."""
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        given = {"folder": self.folder, "ports": _free_ports(4), "cores": len(os.sched_getaffinity(0))}
        (self.folder / "slurm.conf").write_text((_CONFIG + (_ACCOUNTING if accounting else "")).format(**given))
        self._start_munge()
        if accounting:
            self._start_database(given["ports"][3])  # type: ignore[index]
            (self.folder / "slurmdbd.conf").touch(mode=0o600)
            (self.folder / "slurmdbd.conf").write_text(_DATABASE.format(**given))
            self.run("slurmdbd")
            self.wait_for(lambda: "one" in self.ask("sacctmgr", "-n", "-i", "add", "cluster", "one"))
        self.start_controller()
        self.start_node()

    def start_controller(self) -> None:
        """Start the daemon that schedules."""
        self.run("slurmctld", "-f", str(self.folder / "slurm.conf"))

    def start_node(self) -> None:
        """Start the daemon of the node, and wait until it takes jobs."""
        self.run("slurmd", "-N", "localhost", "-f", str(self.folder / "slurm.conf"))
        self.wait_for(lambda: self.ask("sinfo", "-h", "-o", "%t").split()[:1] in (["idle"], ["mix"], ["alloc"]))

    def run(self, *words: str) -> None:
        """Run a command of SLURM, which must succeed; a daemon goes to the background."""
        subprocess.run(words, env=self.environment, check=True, stdout=subprocess.DEVNULL)

    def _start_munge(self) -> None:
        """Start munge, which signs messages, with a key of its own."""
        place = self.folder / "munge"
        place.mkdir(mode=0o755)
        (place / "key").touch(mode=0o600)
        (place / "key").write_bytes(os.urandom(128))
        files = {"socket": "socket", "key-file": "key", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        self._background(["munged", "--foreground", *(f"--{key}={place}/{name}" for key, name in files.items())])
        self.wait_for((place / "socket").exists)

    def _start_database(self, port: int) -> None:
        """Start the database of accounting; its folder must belong to its own user."""
        place = self.folder / "database"
        place.mkdir()
        shutil.chown(place, "mysql", "mysql")
        self.run("mariadb-install-db", "--user=mysql", f"--datadir={place}")
        words = ["mariadbd", "--no-defaults", "--user=mysql", f"--datadir={place}", f"--socket={place}/socket"]
        self._background([*words, "--bind-address=127.0.0.1", f"--port={port}"])
        grant = "create user slurm@localhost identified by 'slurm'; grant all on *.* to slurm@localhost; flush privileges"
        client = ["mariadb", f"--socket={place}/socket", "--execute"]
        self.wait_for(lambda: subprocess.run([*client, "select 1"], capture_output=True).returncode == 0)
        self.run(*client, grant)

    def _background(self, words: list[str]) -> None:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._own.append(subprocess.Popen(words, env=self.environment, **quiet))  # type: ignore[call-overload]

    def kill(self, name: str, number: int = signal.SIGTERM) -> None:
        """Send a signal to a daemon, and wait until it is gone."""
        process = self._process(name)
        os.kill(process, number)
        self.wait_for(lambda: _is_gone(process))

    def lose_the_node(self) -> None:
        """Kill the node's daemon and all that runs there, as a power cut does."""
        elsewhere = [name for name in ("slurmctld", "slurmdbd") if (self.folder / f"{name}.pid").exists()]
        daemons = {*map(self._process, elsewhere), *(process.pid for process in self._own)}
        for process in self._of_this_cluster() - daemons:
            os.kill(process, signal.SIGKILL)
        self.wait_for(lambda: self.ask("sinfo", "-h", "-o", "%t").startswith("down"))

    def _of_this_cluster(self) -> set[int]:
        """All processes that were told its configuration."""
        ours = set()
        for place in Path("/proc").iterdir():
            if place.name.isdigit():
                try:
                    if self.environment["SLURM_CONF"].encode() in (place / "environ").read_bytes():
                        ours.add(int(place.name))
                except OSError:  # it is gone
                    continue
        return ours

    def process_of(self, words: str) -> int:
        """The one process of a job whose command line has these words."""
        told = {process: Path(f"/proc/{process}/cmdline").read_bytes() for process in self._of_this_cluster()}
        (found,) = [process for process, line in told.items() if words in line.decode().replace("\0", " ")]
        return found

    def _process(self, name: str) -> int:
        return int((self.folder / f"{name}.pid").read_text())

    def ask(self, *words: str) -> str:
        """Return the output of a command of SLURM."""
        return subprocess.run(words, env=self.environment, capture_output=True, text=True, timeout=60).stdout

    def wait_for(self, happens: Callable[[], bool], told: Callable[[], str] = str) -> None:
        """Poll until something holds; a failure reports the state of the scheduler, and what `told` returns."""
        deadline = time.monotonic() + _PATIENCE
        while not happens():
            assert all(process.poll() is None for process in self._own), "munge or the database has ended"
            assert time.monotonic() < deadline, "\n".join([self.ask("squeue", "-t", "all"), self.ask("sinfo"), told()])
            time.sleep(0.25)

    def writes_down(self, job: str) -> None:
        """Wait until the controller has written its state, with a job that changes now, to its disk.

        It writes at most every 5 s, and if it is killed before, it forgets the change.
        """
        changed = time.time()
        self.ask("scontrol", "update", f"jobid={job}", "comment=changed")
        self.wait_for(lambda: _written(self.folder / "state/job_state") > changed)

    def stop(self) -> None:
        """End all that was started, including jobs."""
        for process in self._of_this_cluster() - {process.pid for process in self._own}:
            os.kill(process, signal.SIGKILL)
        for daemon in reversed(self._own):
            daemon.terminate()
            daemon.wait()


@contextmanager
def cluster(folder: Path, accounting: bool = False) -> Iterator[Cluster]:
    """Run a cluster of one node."""
    made = Cluster(folder)
    try:
        made.start(accounting)
        yield made
    finally:
        made.stop()


def is_installed(*names: str) -> bool:
    """Whether all required programs are installed."""
    return os.getuid() == 0 and all(shutil.which(name, path=_PATH) for name in names or NEEDED)


def _is_gone(process: int) -> bool:
    """Whether a process has ended, even if its parent has not taken notice."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _written(file: Path) -> float:
    """When a file was written [s since 1970]; 0 while it is replaced."""
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def _free_ports(count: int) -> list[int]:
    """Ports that are free now."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports
