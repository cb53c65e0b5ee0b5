"""Items of a tree as packages (303) and back, written by hand because there are many. Knows no transfer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from struct import Struct
from typing import NamedTuple

from esframework import limits
from esframework.errors import MalformedBody
from esframework.filesystem.items import FileItem, FolderItem, Item
from esframework.managers.files.contracts import FILE, FileBody
from esframework.wire.types import PackageType

_HEAD = Struct("<ii")
_TAIL = Struct("<Bii")
_OUR_FILE = Struct("<iQ?qi")
_OVERHEAD = _HEAD.size + _TAIL.size
_NULL = -1
_WORTH_A_VIEW = 1024
"""Bytes from which on content is handed over as it lies in the read: a few would hold a frame and what points into it,
seven times what they count against a grant."""


class Package(NamedTuple):
    """One package as it came; `data` is a slice of the body that came, None and empty are told apart."""

    project_id: str
    package_type: int
    data: memoryview | None


def encode_package(project_id: bytes, package_type: int, index: int, data: bytes | memoryview | None) -> bytes:
    """The body of a 303: the class `PackageBody`; `project_id` in UTF-8."""
    tail = _TAIL.pack(index, package_type, len(project_id)) + project_id
    if data is None:
        return _HEAD.pack(4 + len(tail), _NULL) + tail
    return b"".join((_HEAD.pack(4 + len(data) + len(tail), len(data)), data, tail))


def decode_package(body: bytes | memoryview) -> Package:
    """Raises MalformedBody unless the lengths match the body exactly."""
    size = len(body)
    if size < _OVERHEAD:
        raise MalformedBody(f"a package of a file has {size} bytes, at least {_OVERHEAD} expected")
    total, length = _HEAD.unpack_from(body)
    end = _HEAD.size + max(0, length)
    if total != size - 4 or length < _NULL or end + _TAIL.size > size:
        raise MalformedBody(f"a package of a file of {size} bytes declares {total} in all, {length} of data")
    _, package_type, name_length = _TAIL.unpack_from(body, end)
    name = bytes(body[end + _TAIL.size :])
    if name_length != len(name) or not 0 < name_length <= limits.MAX_PROJECT_ID:
        raise MalformedBody(f"a package of a file declares an id of {name_length} bytes where {len(name)} are")
    try:
        project_id = name.decode()
    except UnicodeDecodeError as error:
        raise MalformedBody(f"a package of a file has an id that is no UTF-8: {error}") from None
    return Package(project_id, package_type, None if length == _NULL else memoryview(body)[_HEAD.size : end])


def parts_of(item: Item, is_ours: bool, package_size: Callable[[], int]) -> Iterator[tuple[int, bytes | memoryview]]:
    """(package type, data) of each package that carries an item; bytes are cut to packages of the size that is the
    right one when each is cut."""
    if isinstance(item, FolderItem):
        yield PackageType.FOLDER, (item.path if is_ours else _backslashed(item.path)).encode()
    elif isinstance(item, FileItem):
        yield PackageType.FILE, _file_data(item, is_ours)
    else:
        content = memoryview(item)
        start = 0
        while start < len(content):
            end = start + package_size()
            yield PackageType.CONTENT, content[start:end]
            start = end


def item_of(package_type: int, data: memoryview, is_ours: bool) -> Item:
    """The item that a package of a folder or file carries; `PackageType.FINISHED` carries none. Paths are as the sender
    wrote them. Raises MalformedBody."""
    if package_type == PackageType.CONTENT:
        return data if len(data) >= _WORTH_A_VIEW else bytes(data)
    if package_type == PackageType.FOLDER:
        return FolderItem(_text(data))
    if package_type != PackageType.FILE:
        raise MalformedBody(f"a package of a file has the type {package_type}; 0 to 3 expected")
    if is_ours:
        return _our_file(data)
    foreign = FILE.decode(data)
    return FileItem(_bounded(foreign.relative_file_path or ""), foreign.file_length)


def _our_file(data: memoryview) -> FileItem:
    """The class `OurFileBody`."""
    if len(data) < _OUR_FILE.size:
        raise MalformedBody(f"a file of a folder is told in {len(data)} bytes; {_OUR_FILE.size} at least expected")
    total, size, is_executable, modified_at, length = _OUR_FILE.unpack_from(data)
    if total != len(data) - 4 or length != len(data) - _OUR_FILE.size:
        raise MalformedBody(f"a file of a folder in {len(data)} bytes declares {total} in all, a path of {length}")
    return FileItem(_text(data[_OUR_FILE.size :]), size, modified_at, is_executable)


def _file_data(item: FileItem, is_ours: bool) -> bytes:
    if is_ours:
        path = item.path.encode()
        total = _OUR_FILE.size - 4 + len(path)
        return _OUR_FILE.pack(total, item.size, item.is_executable, item.modified_at, len(path)) + path
    return FILE.encode(FileBody(item.size, _backslashed(item.path)))


def _backslashed(path: str) -> str:
    """As clients of other makes separate names."""
    return path.replace("/", "\\")


def _text(data: memoryview) -> str:
    if len(data) > limits.MAX_FILE_TEXT:
        raise MalformedBody(f"a path has {len(data)} bytes; at most {limits.MAX_FILE_TEXT} are expected")
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError as error:
        raise MalformedBody(f"a path is no UTF-8: {error}") from None


def _bounded(path: str) -> str:
    if len(path.encode(errors="surrogatepass")) > limits.MAX_FILE_TEXT:
        raise MalformedBody(f"a path has {len(path)} characters; at most {limits.MAX_FILE_TEXT} bytes are expected")
    return path
