"""Wrong journals that somebody could have written; see tests/mutants/mutant.py."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

WRITER, READING, RECOVERY, FRAME, WITNESS, MAKING, LOCK, BODY, DISK, MIGRATING = (
    f"engine/journal/{name}.py"
    for name in ("writer", "reading", "recovery", "frame", "witness", "making", "lock", "body", "disk", "migrating")
)
LATCH = "engine/latch.py"

_TABLE = [
    # writing
    ("the sync of the rows is skipped", WRITER, "            self._disk.fdatasync(self._handle)\n", ""),
    ("the sync is tried again after an error", WRITER,
     "            self._disk.fdatasync(self._handle)\n",
     "            try:\n                self._disk.fdatasync(self._handle)\n            except OSError:\n                self._disk.fdatasync(self._handle)\n"),
    ("the witness is written before the rows", WRITER,
     "        self.commit()\n        if self._witnessed", "        set_slot(self._disk, self._slots, self._slot, self._last)\n        self.commit()\n        if self._witnessed"),
    ("the witness always takes the same slot", WRITER, "self._slot, self._witnessed = 1 - self._slot, self._committed", "self._witnessed = self._committed"),
    ("the witness is left out after a bare commit", WRITER, "if self._witnessed == self._committed:", "if True:"),
    ("the witness names rows that are not written", WRITER, "        self.commit()\n        if self._witnessed == self._committed:", "        if self._frames:\n            set_slot(self._disk, self._slots, self._slot, self._last)\n            return self.head\n        if self._witnessed == self._committed:"),
    ("a group is written twice", WRITER, "self._frames, self._committed = [], self._last", "self._committed = self._last"),
    ("a row stands on the last row that was witnessed", WRITER, "encode(body), self._last.hash", "encode(body), self._witnessed.hash"),
    ("rows are written over the ones before", WRITER, "b\"\".join(self._frames), self._committed.end)", "b\"\".join(self._frames), self._witnessed.end)"),
    ("a stopped writer goes on", WRITER, "        if self._stopped:\n            raise", "        if False:\n            raise"),
    ("an interrupt does not stop the writer", WRITER, "except BaseException as error:", "except OSError as error:"),
    ("closing leaves rows that are not witnessed", WRITER, "            self.witness()\n            with", "            self.commit()\n            with"),
    ("closing writes one slot", WRITER, "                set_slot(self._disk, self._slots, self._slot, self._witnessed)\n", ""),
    ("closing forgets the note", WRITER, "                self._disk.unlink(self.folder / lock.NAME)\n", ""),
    ("closing keeps the lock", WRITER, "            self._disk.close(self._handle)\n", ""),
    ("a deleted file is not missed", WRITER, "            self._present()\n", ""),
    ("a fork may write", WRITER, "if self._process != os.getpid():", "if False:"),
    ("an exception commits half a group", WRITER, "        if kind is None:\n", "        if True:\n"),
    ("an error of the disk leaves as it came", WRITER, "                raise StoppedError(self._stopped) from error\n", "                raise\n"),
    ("a short write is taken for a whole one", DISK, "    while done < len(data):", "    if done < len(data):"),
    ("a short write is continued at the wrong place", DISK, "offset + done)", "offset)"),
    # reading
    ("damage before the witness is cut", READING, "if broken.offset < bound.end:", "if False:"),
    ("damage is measured against the older slot", READING, "bound = witness.newest(marks)\n    end", "bound = min(m for m in marks if m)\n    end"),
    ("a journal that ends early is whole", READING, "    if end < bound.end:\n", "    if False:\n"),
    ("the witnessed hash is not compared", READING, "(mark.end, mark.hash) != (row.end, row.hash)", "mark.end != row.end"),
    ("one slot alone is compared", READING, "due = {mark.seq: mark for mark in marks if mark is not None}", "due = {mark.seq: mark for mark in [witness.newest(marks)]}"),
    ("an unreadable sector is taken for damage", READING, "        except OSError as error:\n            raise JournalError(", "        except OSError as error:\n            raise DamagedError("),
    ("a reader cuts", READING, "    except BrokenFrame:\n        return", "    except BrokenFrame as broken:\n        disk.truncate(handle, broken.offset)\n        return"),
    ("a missing witness is no damage", READING, "if not {NAME, witness.NAME} & set(present):", "if not {NAME, witness.NAME} <= set(present):"),
    # frames
    ("the chain is not checked", FRAME, "if chain.hex() != before:", "if False:"),
    ("the checksum is not checked", FRAME, "if _checksum(len(payload), chain, payload) != checksum:", "if False:"),
    ("the sequence is not checked", FRAME, "if said != seq:", "if False:"),
    ("the checksum leaves out the chain", FRAME, "zlib.crc32(chain, zlib.crc32(_LENGTH.pack(length)))", "zlib.crc32(_LENGTH.pack(length))"),
    ("the checksum leaves out the length", FRAME, "zlib.crc32(chain, zlib.crc32(_LENGTH.pack(length)))", "zlib.crc32(chain)"),
    ("the first row stands on nothing", FRAME, "return hashlib.sha256(start).hexdigest()", "return '00' * 32"),
    ("any schema is read", FRAME, "    if schema_of(start) != schema:\n", "    if False:\n"),
    ("a torn row ends the journal in silence", FRAME, "                raise BrokenFrame(offset, f\"a frame of", "                return\n                raise BrokenFrame(offset, f\"a frame of"),
    ("a row of any length is taken", FRAME, "or length > LONGEST", ""),
    # the witness
    ("a torn slot is believed", WITNESS, "magic == _MAGIC and pack(mark) == slot", "magic == _MAGIC"),
    ("the slot that is further back is believed", WITNESS, "    return max(mark", "    return min(mark"),
    ("slots that contradict each other are believed", WITNESS, "    if first and second and (", "    if False and ("),
    ("the whole slot is written over", WITNESS, "return 0 if first is None else 1", "return 1 if first is None else 0"),
    ("two torn slots are taken for a crash while reading", WITNESS, "for _ in range(_TRIES):", "for _ in range(1):"),
    # recovery
    ("the torn tail stays", RECOVERY, "    disk.truncate(handle, found.end)\n", ""),
    ("the torn tail is thrown away", RECOVERY, "        write_whole(disk, file, tail, 0)\n", ""),
    ("the tail is cut before it is kept", RECOVERY, "        disk.fdatasync(file)\n", ""),
    ("the file of the tail has no durable name", RECOVERY, "    sync_folder(disk, place)\n", ""),
    ("recovery does not sync", RECOVERY, "        disk.fdatasync(handle)\n", ""),
    ("rows beyond the witness are not written again", RECOVERY, "        _rewrite(disk, handle, witness.newest(marks).end, found.end)\n", ""),
    ("recovery sets one slot", RECOVERY, "for slot in (first, 1 - first):", "for slot in (first,):"),
    ("recovery takes no lock", RECOVERY, "        lock.take(disk, handle, place, owner)\n", ""),
    ("a recovery that fails keeps its files open", RECOVERY, "    except OSError as error:\n        _release(disk, handle, slots)\n", "    except OSError as error:\n"),
    ("the slot is not synced", RECOVERY, "    disk.fdatasync(slots)\n", ""),
    # making
    ("the new files are not synced", MAKING, "        disk.fdatasync(handle)\n", ""),
    ("the new folder is not synced", MAKING, "    sync_folder(disk, hidden)\n", ""),
    ("its name is not synced", MAKING, "        disk.fsync(turn)\n", ""),
    ("the folders above are not synced", MAKING, "        sync_folder(disk, folder.parent)\n", ""),
    ("what a crash has left is not cleared", MAKING, "        clear(disk, hidden)\n", ""),
    ("a folder that holds something is used", MAKING, "    if _names(disk, place):\n        raise JournalError(f\"{place}: holds", "    if False:\n        raise JournalError(f\"{place}: holds"),
    ("a new journal is not locked", MAKING, "    lock.take(disk, handles[-2], hidden, owner)\n", "    lock.note(disk, hidden, owner)\n"),
    ("a journal is made in its place", MAKING, "hidden = place.with_name(f\".{place.name}.new\")", "hidden = place"),
    # locks
    ("the lock is not taken", LOCK, "        disk.flock(handle, wait=False)\n", "        pass\n"),
    ("a process number given anew is believed", LOCK, "_started(owner.pid) == owner.started", "_started(owner.pid) is not None"),
    ("another boot's process is believed", LOCK, "owner.boot == _boot() and", ""),
    ("a running writer beyond the lock is not believed", LOCK, "if before and before != owner and runs(before):\n        raise HeldError(f\"{folder}: process {before.pid} is noted", "if False:\n        raise HeldError(f\"{folder}: process {before.pid} is noted"),
    ("a spoilt note stops everybody", LOCK, "except (OSError, ValueError, TypeError, KeyError):", "except OSError:"),
    # bodies
    ("every NaN is the same", BODY, "struct.pack(\">d\", value)", "struct.pack(\">d\", float(repr(value)))"),
    ("the order of keys shows", BODY, "for key in sorted(value)}", "for key in value}"),
    ("the order of memory shows", BODY, "order=\"C\", copy=False).tobytes()", "copy=False).tobytes(\"A\")"),
    ("bytes left over are no damage", BODY, " or reader.place != len(raw)", ""),
    ("a body may call for more than there is", BODY, "if size < 0 or self.place > len(self.raw):", "if False:"),
    ("any array is unpacked", BODY, "if dtype not in DTYPES or any(", "if any("),
    # migrating
    ("a copy is made in its place", MIGRATING, "hidden = new.with_name(f\".{new.name}.migrated\")", "hidden = new"),
    ("a journal being written is migrated", MIGRATING, "        lock.refuse_running(disk, old, who)\n", ""),
    ("a copy hides what it was made of", MIGRATING, "header | {\"migrated\": origin}", "header"),
    # the latch
    ("a kill keeps the permit", LATCH, "        was_open |= _withdraw(disk, place)\n", ""),
    ("a kill lets a resume under way finish", LATCH, "        _gone(disk, place / NEW)\n", ""),
    ("a kill writes its reason first", LATCH, "    place, was_open = Path(folder), False\n", "    place, was_open = Path(folder), False\n    write_whole(disk, disk.open(place / \"why\", os.O_RDWR | os.O_CREAT), reason.encode() or b\" \", 0)\n"),
    ("a kill gives up where a rename fails", LATCH, "    except OSError:\n        _gone(disk, place / PERMIT)", "    except OSError:\n        pass"),
    ("a kill does not sync the folder", LATCH, "    try:\n        sync_folder(disk, place)\n    except OSError:\n        return Kill(was_open, durable=False)\n", ""),
    ("a withdrawn permit still reads as one", LATCH, "    _note(disk, place, reason, at)\n", ""),
    ("resuming asks for no reason", LATCH, "    if not reason.strip():\n", "    if False:\n"),
    ("a restart issues a permit", LATCH, "    if found:\n", "    if False:\n"),
    ("any file is a permit", LATCH, "except (OSError, ValueError, TypeError, KeyError):\n        return None", "except (ValueError, TypeError, KeyError):\n        return Permit(0, \"\", 0)\n    except OSError:\n        return None"),
    ("a permit is in its place before it is durable", LATCH, "            disk.fdatasync(handle)\n", ""),
    ("a resume that fails permits", LATCH, "        _withdraw(disk, place)\n        raise", "        raise"),
    ("a resume is not durable", LATCH, "        sync_folder(disk, place)\n    except FileNotFoundError", "    except FileNotFoundError"),
    ("permits are not told apart", LATCH, "_serial(disk, place) + 1", "0"),
]  # fmt: skip

MUTANTS = [Mutant(*each) for each in _TABLE]
