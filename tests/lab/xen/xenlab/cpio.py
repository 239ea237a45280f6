"""An initramfs in the `newc` format (Linux, Documentation/driver-api/early-userspace)."""

import pathlib
import stat


class Initramfs:
    """A tree of files, made in memory and written at once. Paths are relative to the root."""

    def __init__(self):
        self._entries = {}

    def folder(self, path):
        path = path.strip("/")
        if path and path not in self._entries:
            self._parents(path)
            self._entries[path] = (stat.S_IFDIR | 0o755, b"")

    def file(self, path, content, executable=False):
        """`content` is bytes, or the path of a file of this machine, which keeps its x bit."""
        if isinstance(content, (str, pathlib.Path)):
            executable = executable or bool(pathlib.Path(content).stat().st_mode & 0o111)
            content = pathlib.Path(content).read_bytes()
        path = path.strip("/")
        self._parents(path)
        self._entries[path] = (stat.S_IFREG | (0o755 if executable else 0o644), content)

    def link(self, path, target):
        path = path.strip("/")
        self._parents(path)
        self._entries[path] = (stat.S_IFLNK | 0o777, target.encode())

    def tree(self, source):
        """Everything below the folder `source` of this machine."""
        source = pathlib.Path(source)
        for path in sorted(source.rglob("*")):
            name = str(path.relative_to(source))
            if path.is_symlink():
                self.link(name, str(path.readlink()))
            elif path.is_dir():
                self.folder(name)
            else:
                self.file(name, path)

    def __contains__(self, path):
        return path.strip("/") in self._entries

    def write(self, destination):
        """Whole or not at all: a build that is cut off leaves no half image in the cache."""
        partial = pathlib.Path(f"{destination}.partial")
        with open(partial, "wb") as output:
            for number, (path, (mode, content)) in enumerate(self._entries.items(), start=1):
                output.write(_record(number, path, mode, content))
            output.write(_record(0, "TRAILER!!!", 0, b""))
        partial.rename(destination)

    def _parents(self, path):
        if "/" in path:
            self.folder(path.rsplit("/", 1)[0])


def _record(inode, name, mode, content):
    encoded = name.encode() + b"\0"
    fields = (inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
    header = b"070701" + b"".join(b"%08x" % field for field in fields)
    return _padded(header + encoded) + _padded(content)


def _padded(data):
    return data + b"\0" * (-len(data) % 4)
