"""What Python code of a rule sees of its job. Written by rulemake; needs nothing but Python 3.6."""

import builtins
import importlib.abc
import importlib.machinery
import json
import os
import shlex
import string
import subprocess
import sys
import types


class AttributeGuard:
    """Stands where a list has a method whose name may be that of an item."""

    def __init__(self, name):
        self.name = name

    def __call__(self, *args, **kwargs):
        raise AttributeError(
            "{}() cannot be used here, since an item may have this name; "
            "use sorted(...) or make a list of it first".format(self.name)
        )


class NoSuchItem(KeyError, AttributeError):
    def __str__(self):
        return str(self.args[0])


class Namedlist(list):
    """A list of which some items have a name."""

    def __init__(self, items=(), names=()):
        super().__init__(items)
        self._names = {}
        self.index = AttributeGuard("index")
        self.sort = AttributeGuard("sort")
        for name, start, end in names:
            self._names[name] = (start, end)
            value = self[start] if end is None else Namedlist(self[start:end])
            setattr(self, name, value)

    def keys(self):
        return self._names.keys()

    def items(self):
        for name in self._names:
            yield name, getattr(self, name)

    def values(self):
        for name in self._names:
            yield getattr(self, name)

    def get(self, name, default=None):
        return getattr(self, name) if name in self._names else default

    def __getitem__(self, key):
        if isinstance(key, str):
            return getattr(self, key)
        return super().__getitem__(key)

    def __getattr__(self, name):
        # Only asked for what is not there.
        known = ", ".join(self.__dict__.get("_names", ())) or "none"
        kind = type(self).__name__
        raise NoSuchItem("'{}' has no item '{}'; its names: {}".format(kind, name, known))

    def __hash__(self):
        return hash(tuple(self))

    def __str__(self):
        return " ".join(map(str, self))

    def __reduce__(self):
        names = [(name, start, end) for name, (start, end) in self._names.items()]
        return type(self), (list(self), names)


class InputFiles(Namedlist):
    @property
    def size(self):
        return sum(self.size_files)

    @property
    def size_mb(self):
        return self.size / 1024 / 1024

    @property
    def size_files(self):
        return [os.path.getsize(path) for path in self]


class OutputFiles(Namedlist):
    pass


class Params(Namedlist):
    pass


class Wildcards(Namedlist):
    pass


class ResourceList(Namedlist):
    pass


class Log(Namedlist):
    pass


SECTIONS = {
    "input": InputFiles,
    "output": OutputFiles,
    "params": Params,
    "wildcards": Wildcards,
    "resources": ResourceList,
    "log": Log,
}


def section(job, name):
    part = job[name]
    return SECTIONS[name](part["flat"], part["names"])


class Snakemake:
    """The job, for scripts."""

    def __init__(self, job):
        for name in SECTIONS:
            setattr(self, name, section(job, name))
        self.threads = job["threads"]
        self.config = job["config"]
        self.rule = job["rule"]
        self.bench_iteration = job["bench_iteration"]
        self.scriptdir = job["scriptdir"]

    def log_fmt_shell(self, stdout=True, stderr=True, append=False):
        """The redirection that sends output of a command to the job's log; empty without a log."""
        if not self.log or not (stdout or stderr):
            return ""
        arrow = ">>" if append else ">"
        if stdout and stderr:
            return " {} {} 2>&1".format(arrow, self.log)
        return " {}{} {}".format("" if stdout else "2", arrow, self.log)


# Commands


_SPREAD = (list, tuple, set, frozenset)


def format_value(value, spec):
    if spec == "q":
        if isinstance(value, _SPREAD):
            return " ".join(format_value(item, spec) for item in value)
        text = str(value)
        return shlex.quote(text) if text else text
    if spec == "u":
        spec = ""
    if isinstance(value, Namedlist):
        return format(str(value), spec)
    if isinstance(value, _SPREAD) and not spec:
        return " ".join(map(str, value))
    return format(value, spec)


class _Formatter(string.Formatter):
    def get_value(self, key, args, kwargs):
        if isinstance(key, int):
            return super().get_value(key, args, kwargs)
        try:
            return kwargs[key]
        except KeyError:
            raise NameError("The name {!r} is unknown in this command.".format(key)) from None

    def format_field(self, value, spec):
        return format_value(value, spec)


def format_command(text, args, names):
    return _Formatter().vformat(text, args, names)


class shell:
    """`shell("command {input}")`: runs a command with bash in strict mode; a failing command raises."""

    _executable = "bash"
    _prefix = None
    _suffix = ""

    def __new__(cls, cmd, *args, iterable=False, read=False, additional_envvars=None, **kwargs):
        frame = sys._getframe(1)
        names = dict(vars(builtins))
        names.update(frame.f_globals)
        names.update(frame.f_locals)
        names.update(kwargs)
        command = format_command(cmd, args, names)
        prefix = cls._prefix
        if prefix is None:
            prefix = "set -euo pipefail; " if os.path.basename(cls._executable) == "bash" else ""
        command = "{} {} {}".format(prefix, command, cls._suffix).strip()
        environment = dict(os.environ, **additional_envvars) if additional_envvars else None
        sys.stdout.flush()
        sys.stderr.flush()
        words, script = cls._words(command)
        pipe = subprocess.PIPE if iterable or read else None
        process = subprocess.Popen(words, stdout=pipe, universal_newlines=bool(pipe), env=environment)
        if iterable:
            return cls._lines(process, command, script)
        output = process.stdout.read() if read else None
        cls._end(process, command, script)
        return output

    @classmethod
    def _words(cls, command):
        # One argument of a program has at most 128 KiB.
        if len(command.encode("utf-8", "surrogateescape")) < 120 * 1024:
            return [cls._executable, "-c", command], None
        import tempfile

        handle, script = tempfile.mkstemp(suffix=".sh")
        with os.fdopen(handle, "w") as file:
            file.write(command)
        return [cls._executable, script], script

    @classmethod
    def _lines(cls, process, command, script):
        for line in process.stdout:
            yield line[:-1] if line.endswith("\n") else line
        cls._end(process, command, script)

    @staticmethod
    def _end(process, command, script):
        code = process.wait()
        if script:
            os.remove(script)
        if code:
            raise subprocess.CalledProcessError(code, command)

    @classmethod
    def executable(cls, program):
        cls._executable = str(program)

    @classmethod
    def prefix(cls, prefix):
        cls._prefix = prefix

    @classmethod
    def suffix(cls, suffix):
        cls._suffix = suffix


# What code may import from a package `snakemake` that is not installed


def _nothing(*args, **kwargs):
    return None


def makedirs(paths):
    for path in [paths] if isinstance(paths, str) else paths:
        os.makedirs(path, exist_ok=True)


def _modules(extra):
    import logging

    logger = logging.getLogger("snakemake")
    lists = {kind.__name__: kind for kind in [Namedlist, *SECTIONS.values()]}
    objects = dict(lists, Snakemake=Snakemake)
    if "snakemake" in extra:
        objects["snakemake"] = extra["snakemake"]
    return {
        "snakemake": {},
        "snakemake.io": dict(lists, **extra),
        "snakemake.iocontainers": objects,
        "snakemake.script": objects,
        "snakemake.shell": {"shell": shell},
        "snakemake.logging": {"logger": logger},
        "snakemake.exceptions": {"WorkflowError": type("WorkflowError", (Exception,), {})},
        "snakemake.utils": {
            "min_version": _nothing,
            "validate": _nothing,
            "makedirs": makedirs,
            "format": lambda text, *args, **names: format_command(text, args, names),
        },
    }


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Asked last, so that an installed package of this name is preferred."""

    def __init__(self, modules):
        self.modules = modules

    def find_spec(self, name, path=None, target=None):
        if name not in self.modules:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=name == "snakemake")

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        module.__dict__.update(self.modules[module.__name__])


def offer_modules(extra):
    sys.meta_path.append(_Finder(_modules(extra)))


# Scripts


def _record(names_and_values):
    names, values = names_and_values
    return Namedlist(values, [(name, index, None) for index, name in enumerate(names)])


_TAGGED = {
    "rulemake:record": _record,
    "rulemake:tuple": tuple,
    "rulemake:set": set,
    "rulemake:frozenset": frozenset,
}


def _untagged(entries):
    """Values that JSON does not have come as an object with one key."""
    if len(entries) == 1:
        for key, value in entries.items():
            if key in _TAGGED:
                return _TAGGED[key](value)
    return entries


def read_job(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file, object_hook=_untagged)


def without_own_directory():
    """Modules of ours must not be found by the code of others."""
    own = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != own or path == ""]


def finish(code):
    """Runs the code; an exception is shown as far as it is in the user's code."""
    try:
        code()
    except Exception:
        kind, error, traceback = sys.exc_info()
        traceback = _foreign(traceback)
        sys.excepthook(kind, error.with_traceback(traceback), traceback)
        sys.stdout.flush()
        sys.exit(1)


def _foreign(traceback):
    """Without the calls of this file, which tell nobody anything."""
    while traceback is not None and traceback.tb_frame.f_code.co_filename == __file__:
        traceback = traceback.tb_next
    calls, call = [], traceback
    while call is not None:
        if call.tb_frame.f_code.co_filename != __file__:
            calls.append(call)
        call = call.tb_next
    last = None
    for call in reversed(calls):
        try:
            last = types.TracebackType(last, call.tb_frame, call.tb_lasti, call.tb_lineno)
        except TypeError:
            # Python 3.6 can only cut the start off.
            return traceback
    return last


def main(path):
    job = read_job(path)
    if "body" in job:
        run_code(job)
    else:
        run_script(job)


def run_script(job):
    script = job["script"]
    without_own_directory()
    # Behind all others, where a script called like a library does not hide it.
    sys.path.append(job["scriptdir"])
    sys.argv[:] = [script]
    import logging

    main = sys.modules["__main__"]
    snakemake = Snakemake(job)
    names = main.__dict__
    for name in ["rulemake_job", "__cached__"]:
        names.pop(name, None)
    names.update(
        snakemake=snakemake,
        Snakemake=Snakemake,
        logger=logging.getLogger("snakemake"),
        __file__=script,
        __real_file__=script,
        __doc__=None,
        __name__="__main__",
    )
    offer_modules({"snakemake": snakemake})
    with open(script, "rb") as file:
        source = file.read()

    def code():
        exec(compile(source, script, "exec", dont_inherit=True), names)

    finish(code)


def for_notebook(path):
    job = read_job(path)
    without_own_directory()
    sys.path.append(job["scriptdir"])
    snakemake = Snakemake(job)
    offer_modules({"snakemake": snakemake})
    return snakemake


# Code of a Rulefile: `run:`, `onsuccess:`


def _expand_values(value, wildcards):
    if callable(value):
        value = value(wildcards)
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        return [value]
    return list(value)


def expand(*args, allow_missing=False, **values):
    """All combinations of the values in the patterns."""
    import itertools

    patterns, combine = args[0], itertools.product
    if len(args) > 1:
        combine = args[1]
    if isinstance(patterns, (str, os.PathLike)):
        patterns = [patterns]

    class Fields(dict):
        def __missing__(self, key):
            if allow_missing:
                return "{" + key + "}"
            raise KeyError("No values given for wildcard {!r}.".format(key))

    found = []
    for pattern in map(str, patterns):
        used = {name.split(".")[0].split("[")[0] for _, name, _, _ in string.Formatter().parse(pattern) if name}
        lists = {name: _expand_values(value, None) for name, value in values.items() if name in used}
        for combination in combine(*lists.values()) if lists else [()]:
            found.append(string.Formatter().vformat(pattern, (), Fields(zip(lists, combination))))
    return found


_WILDCARD = r"\{\s*(?P<name>\w+)(?:\s*,\s*(?P<constraint>(?:[^{}]|\{\d+(?:,\d*)?\})*))?\s*\}"


def glob_wildcards(pattern, files=None, followlinks=False):
    """The values of the wildcards in all paths that match."""
    import collections
    import re

    pattern = os.path.normpath(str(pattern))
    names, regex, last = [], "", 0
    for match in re.finditer(_WILDCARD, pattern):
        regex += re.escape(pattern[last : match.start()])
        name = match.group("name")
        if name in names:
            regex += "(?P={})".format(name)
        else:
            names.append(name)
            regex += "(?P<{}>{})".format(name, match.group("constraint") or ".+")
        last = match.end()
    regex = re.compile(regex + re.escape(pattern[last:]) + "$", re.DOTALL)
    Found = collections.namedtuple("Wildcards", names)
    found = Found(*[[] for _ in names])
    if files is None:
        top = os.path.dirname(pattern.split("{", 1)[0]) or "."
        files = []
        for folder, folders, plain in os.walk(top, followlinks=followlinks):
            folders[:] = [name for name in folders if name != ".rulemake"]
            files.extend(os.path.normpath(os.path.join(folder, name)) for name in folders + plain)
        files.sort()
    for path in files:
        match = regex.match(str(path))
        if match:
            for name in names:
                getattr(found, name).append(match.group(name))
    return found


def multiext(prefix, *extensions, **named):
    return [str(prefix) + extension for extension in [*extensions, *named.values()]]


def _marked(path, *args, **kwargs):
    """Flags of paths mean nothing to code that runs."""
    return path


_FLAGS = (
    "ancient before_update directory ensure local pipe protected repeat report service temp temporary touch unpack update"
)


class _Missing:
    """Stands for what could not be imported; says so when it is used."""

    def __init__(self, error):
        self.__dict__["_error"] = error

    def _fail(self, *args, **kwargs):
        raise self._error

    __getattr__ = __call__ = __getitem__ = __iter__ = _fail


class _Item:
    """A rule as others see it."""

    def __init__(self, name, parts):
        self.name = name
        for part, items in parts.items():
            setattr(self, part, SECTIONS[part](items["flat"], items["names"]))


class _Rules:
    def __init__(self, rules):
        self._rules = rules

    def __getattr__(self, name):
        try:
            parts = self.__dict__["_rules"][name]
        except KeyError:
            raise AttributeError("there is no rule {!r}".format(name)) from None
        return _Item(name, parts)


class _Workflow:
    def __init__(self, basedir, snakefile):
        self.basedir = self.current_basedir = basedir
        self.snakefile = self.main_snakefile = snakefile

    def source_path(self, path):
        return os.path.join(self.basedir, path)


def _imported(known, code):
    """Those of the names without an import that stand in the code: importing all of them takes long."""
    import importlib
    import re

    words = set(re.findall(r"\w+", code))
    for name, module, member in known:
        if name in words:
            try:
                value = importlib.import_module(module)
                yield name, value if member is None else getattr(value, member)
            except (ImportError, AttributeError) as error:
                yield name, _Missing(error)


def _names(job):
    """What a Rulefile sees without defining it."""
    names = dict(
        __name__="__main__",
        __file__=job["file"],
        config=job["config"],
        rules=_Rules(job["rules"]),
        checkpoints=_Rules(job["rules"]),
        workflow=_Workflow(job["basedir"], job["file"]),
        shell=shell,
        expand=expand,
        collect=expand,
        glob_wildcards=glob_wildcards,
        multiext=multiext,
        exists=os.path.exists,
        srcdir=lambda path: os.path.join(job["basedir"], path),
    )
    names.update(_imported(job["imported"], job["around"] + "\n" + job["body"]))
    names.update((flag, _marked) for flag in _FLAGS.split())
    return names


def _bound(statement):
    """The names that a statement would have given a value."""
    import ast

    for node in ast.walk(statement):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).split(".")[0]


def _prepare(job, names):
    """Runs the statements of the Rulefile. One that fails matters only to code that uses what it would have given."""
    import ast
    import linecache

    text, title = job["around"], "statements of {}".format(job["file"])
    linecache.cache[title] = (len(text), None, text.splitlines(True), title)
    for statement in ast.parse(text, title).body:
        try:
            exec(compile(ast.Module([statement], []), title, "exec"), names)
        except (Exception, SystemExit) as error:
            for name in _bound(statement):
                names.setdefault(name, _Missing(error))


_PARAMETERS = [*SECTIONS, "threads", "rule", "jobid", "bench_iteration"]


def _function(job):
    """The body as a function, at the places that it has in its file."""
    import ast

    tree = ast.parse("\n" * (job["line"] - 1) + job["body"], job["file"])
    made = ast.parse("def body({}): pass".format(", ".join(_PARAMETERS)))
    made.body[0].body = tree.body or made.body[0].body
    return compile(made, job["file"], "exec")


def run_code(job):
    without_own_directory()
    sys.path[:0] = job["path"]
    sys.argv[:] = [job["file"]]
    shell._executable, shell._prefix, shell._suffix = job["shell"]
    names = sys.modules["__main__"].__dict__
    names.pop("rulemake_job", None)
    offer_modules({})
    names.update(_names(job))
    values = {name: job.get(name) for name in _PARAMETERS}
    values.update((name, section(job, name)) for name in SECTIONS)
    if "log_file" in job:
        # Code that belongs to no job: `log` is the one of the run.
        values["log"] = job["log_file"]
    try:
        code = _function(job)
    except SyntaxError as error:
        # Where it is stands in the error itself.
        sys.excepthook(type(error), error.with_traceback(None), None)
        sys.exit(1)
    _prepare(job, names)

    def body():
        exec(code, names)
        try:
            names.pop("body")(**values)
        except ImportError:
            if job["because"]:
                sys.stderr.write("rulemake gave this code to python3: {}\n".format(job["because"]))
            raise

    finish(body)
