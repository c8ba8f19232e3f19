"""What the names of a program stand for, as far as its text tells. The program is read and never run.

Names are followed through imports, assignments and scopes without regard to their order: a name may stand for whatever
any assignment of its scope gives it.
"""

import ast
import builtins
from collections.abc import Iterable
from typing import Any

from lift_sys.jail.known import EFFECTS, REEXPORTED, STEMS

PATH = "pathlib.Path()"
"""An object, and no name: all that paths are made of and become."""

_MOST_STEPS = 300_000
_LONGEST_NAME = 5
IMPORTERS = frozenset({"builtins.__import__", "importlib.import_module", "importlib.__import__"})
_TAKE_A_MODULE = frozenset({"getattr", "hasattr", "setattr", "delattr"})
_MAIN_GUARDS = frozenset({"__name__ == '__main__'", "'__main__' == __name__"})

Meaning = ast.AST | str | None
"""What a name is bound to: an expression or a definition, a dotted name, or something that the text does not tell."""
Use = tuple[ast.expr, "Scope"]
Parts = list[tuple[ast.AST, "Scope"]]


class Scope:
    def __init__(self, kind: str, outer: "Scope | None" = None) -> None:
        self.kind = kind
        self.outer = outer
        self.bound: dict[str, list[tuple[Meaning, Scope]]] = {}
        """The meanings of each name in the order of the text, with the scopes to read them in."""
        self.known: dict[str, set[str]] = {}
        """The dotted names that these come to. An empty one is something else."""
        self.declared: dict[str, Scope] = {}
        """By `global` and `nonlocal`: where the search for a name goes on."""

    def home(self, name: str) -> "Scope | None":
        """The scope that binds a name used here; None for a builtin."""
        scope: Scope | None = self
        while scope:
            if name in scope.declared:
                scope = scope.declared[name]
            elif name in scope.bound and (scope is self or scope.kind != "class"):
                return scope
            else:
                scope = scope.outer
        return None


class Program:
    """What the names of a program mean, and where it uses and changes them. Raises `ValueError` for a maze of names."""

    def __init__(self, tree: ast.Module) -> None:
        self.module = Scope("module")
        self.stars: list[str] = []
        """The modules that all names are imported from."""
        self.uses: list[Use] = []
        self.changes: list[Use] = []
        """Attributes and items that are set or deleted."""
        self.globals_set: list[tuple[str, int]] = []
        self.calls: dict[ast.AST, ast.Call] = {}
        """By what is called."""
        self.followed: set[ast.AST] = set()
        """A module may stand here: what is done with it is seen elsewhere."""
        self.members: set[str] = set()
        """What the program's classes define."""
        self._scopes = [self.module]
        self._values: dict[ast.AST, Meaning] = {}
        self._early: set[ast.AST] = set()
        self._top: ast.AST = tree
        self._read(tree)
        self._follow()

    def _read(self, tree: ast.Module) -> None:
        """Without recursion, as a tree may be deeper than the stack."""
        todo: Parts = [(tree, self.module)]
        tops = set(tree.body)
        while todo:
            node, scope = todo.pop()
            self._top = node if node in tops else self._top
            read = getattr(self, f"_{type(node).__name__}", None)
            todo += reversed(read(node, scope) if read else _within(ast.iter_child_nodes(node), scope))

    def _Name(self, node: ast.Name, scope: Scope) -> Parts:
        if not isinstance(node.ctx, ast.Load):
            self._bind(node, scope)
            return []
        self.uses.append((node, scope))
        if scope.kind in ("module", "class") and node.id not in scope.bound:
            self._early.add(node)
        return []

    def _bind(self, node: ast.Name, scope: Scope) -> None:
        name, builtin = node.id, f"builtins.{node.id}"
        if scope.declared.get(name) is self.module:
            self.globals_set.append((name, node.lineno))
        if scope.kind == "class":
            self.members.add(name)
            self.uses.append((node, scope))
        home = (scope.home(name) or scope.declared[name]) if name in scope.declared else scope
        meanings = home.bound.setdefault(name, [])
        if not meanings and home is self.module and isinstance(self._top, ast.If | ast.Try | ast.TryStar | ast.Match):
            meanings.append((builtin, home))
        meanings.append((builtin if isinstance(node.ctx, ast.Del) else self._values.get(node), scope))

    def _name(self, name: str, meaning: Meaning, near: ast.AST) -> ast.Name:
        """A name to bind, where the syntax has none."""
        node = ast.copy_location(ast.Name(name, ast.Store()), near)
        self._values[node] = meaning
        return node

    def _FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> Parts:
        inner = self._inner("function", scope)
        parameters = [arg.annotation for arg in _arguments(node.args) if arg.annotation]
        return [
            *_within([*node.decorator_list, *_calling([*parameters, node.returns])], scope),
            *self._parameters(node.args, scope, inner),
            (self._name(node.name, node, node), scope),
            *_within([*getattr(node, "type_params", []), *node.body], inner),
        ]

    _AsyncFunctionDef = _FunctionDef

    def _Lambda(self, node: ast.Lambda, scope: Scope) -> Parts:
        inner = self._inner("function", scope)
        return [*self._parameters(node.args, scope, inner), (node.body, inner)]

    def _parameters(self, args: ast.arguments, scope: Scope, inner: Scope) -> Parts:
        """Bind them, each to what is passed and to its default."""
        inner.bound = {arg.arg: [(None, inner)] for arg in _arguments(args)}
        positional = [*args.posonlyargs, *args.args]
        owners = [*positional[len(positional) - len(args.defaults) :], *args.kwonlyargs]
        pairs = [pair for pair in zip(owners, [*args.defaults, *args.kw_defaults], strict=True) if pair[1]]
        for arg, default in pairs:
            inner.bound[arg.arg].append((default, scope))
        self.followed.update(default for _, default in pairs if default)
        return _within([default for _, default in pairs if default], scope)

    def _ClassDef(self, node: ast.ClassDef, scope: Scope) -> Parts:
        inner = self._inner("class", scope)
        return [
            *_within([*node.decorator_list, *node.bases, *node.keywords], scope),
            *_within([*getattr(node, "type_params", []), *node.body], inner),
            (self._name(node.name, node, node), scope),
        ]

    def _ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, scope: Scope) -> Parts:
        inner = self._inner("comprehension", scope)
        first = node.generators[0]
        own = [child for child in ast.iter_child_nodes(node) if child is not first]
        return [(first.iter, scope), *_within([first.target, *first.ifs, *own], inner)]

    _SetComp = _GeneratorExp = _DictComp = _ListComp

    def _inner(self, kind: str, scope: Scope) -> Scope:
        self._scopes.append(Scope(kind, scope))
        return self._scopes[-1]

    def _Import(self, node: ast.Import, scope: Scope) -> Parts:
        bound = [(a.asname, a.name) if a.asname else (a.name.split(".")[0],) * 2 for a in node.names]
        return _within([self._name(name, module.lstrip("_"), node) for name, module in bound], scope)

    def _ImportFrom(self, node: ast.ImportFrom, scope: Scope) -> Parts:
        module = (node.module or "").lstrip("_") if not node.level else ""
        if node.names[0].name == "*":
            self.stars.append(module)
            return []
        bound = [(alias.asname or alias.name, _member(module, alias.name)) for alias in node.names]
        return _within([self._name(name, meaning, node) for name, meaning in bound], scope)

    def _Assign(self, node: ast.Assign, scope: Scope) -> Parts:
        for target in node.targets:
            self._pair(target, node.value, scope)
        return _within([node.value, *node.targets], scope)

    def _AnnAssign(self, node: ast.AnnAssign, scope: Scope) -> Parts:
        calling = _within(_calling([node.annotation]), scope)
        if node.value:
            self._pair(node.target, node.value, scope)
            return [*calling, (node.value, scope), (node.target, scope)]
        return calling if scope.kind != "function" else [*calling, (node.target, scope)]

    def _NamedExpr(self, node: ast.NamedExpr, scope: Scope) -> Parts:
        self._pair(node.target, node.value, scope)
        around = scope
        while around.kind == "comprehension" and around.outer:
            around = around.outer
        return [(node.value, scope), (node.target, around)]

    def _pair(self, target: ast.expr, value: ast.expr, scope: Scope) -> None:
        """Remember the value that each name in a target takes."""
        todo = [(target, value)]
        while todo:
            target, value = todo.pop()
            if isinstance(target, ast.Name):
                self._values[target] = value
                if scope.kind != "class":
                    self.followed.add(value)
            elif isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
                starred = any(isinstance(part, ast.Starred) for part in [*target.elts, *value.elts])
                todo += [] if starred else zip(target.elts, value.elts, strict=False)

    def _bind_name(self, node: Any, scope: Scope) -> Parts:
        name = node.rest if isinstance(node, ast.MatchMapping) else node.name
        bound = [self._name(name, None, node)] if name else []
        return _within([*bound, *ast.iter_child_nodes(node)], scope)

    _ExceptHandler = _MatchAs = _MatchStar = _MatchMapping = _TypeVar = _ParamSpec = _TypeVarTuple = _bind_name

    def _Global(self, node: ast.Global, scope: Scope) -> Parts:
        if scope is not self.module:
            scope.declared |= dict.fromkeys(node.names, self.module)
        return []

    def _Nonlocal(self, node: ast.Nonlocal, scope: Scope) -> Parts:
        scope.declared |= dict.fromkeys(node.names, scope.outer or self.module)
        return []

    def _If(self, node: ast.If, scope: Scope) -> Parts:
        """What stands under the main guard does not run when a program is imported."""
        at_top = scope is self.module and "__name__" not in scope.bound
        guarded = at_top and ast.unparse(node.test) in _MAIN_GUARDS
        return _within(node.orelse if guarded else ast.iter_child_nodes(node), scope)

    def _Attribute(self, node: ast.Attribute, scope: Scope) -> Parts:
        (self.uses if isinstance(node.ctx, ast.Load) else self.changes).append((node, scope))
        base, _ = chain(node)
        self.followed.add(base)
        return [] if isinstance(base, ast.Name) else [(base, scope)]

    def _Subscript(self, node: ast.Subscript, scope: Scope) -> Parts:
        if not isinstance(node.ctx, ast.Load):
            self.changes.append((node, scope))
        return _within([node.value, node.slice], scope)

    def _Call(self, node: ast.Call, scope: Scope) -> Parts:
        self.uses.append((node, scope))
        self.calls[node.func] = node
        if isinstance(node.func, ast.Name) and node.func.id in _TAKE_A_MODULE:
            self.followed.update(node.args[:1])
        return _within(ast.iter_child_nodes(node), scope)

    def _follow(self) -> None:
        """Through all assignments, until nothing new comes of it."""
        bindings = [
            (scope, name, *meaning) for scope in self._scopes for name in scope.bound for meaning in scope.bound[name]
        ]
        steps, learnt = 0, True
        while learnt:
            learnt = False
            for scope, name, meaning, read_in in bindings:
                known = scope.known.setdefault(name, set())
                before = len(known)
                known |= self.resolve(meaning, read_in)
                learnt |= len(known) > before
                steps += 1 + len(known)
                if steps > _MOST_STEPS:
                    raise ValueError("its names are too entangled to follow")

    def resolve(self, node: Meaning, scope: Scope) -> set[str]:
        """The dotted names that an expression may stand for, and an empty one for what is no such thing."""
        if isinstance(node, str):
            return {node}
        if isinstance(node, ast.Name):
            return self._resolve_name(node, scope)
        if isinstance(node, ast.Attribute):
            base, attributes = chain(node)
            return {_member(owner, *attributes) for owner in self.resolve(base, scope)}
        if isinstance(node, ast.Call):
            return self._resolve_call(node, scope)
        return {name for part in _alternatives(node) for name in self.resolve(part, scope)} or {""}

    def _resolve_name(self, node: ast.Name, scope: Scope) -> set[str]:
        home = (scope.outer and scope.outer.home(node.id)) if node in self._early else scope.home(node.id)
        if home:
            return home.known.get(node.id, set())
        if node.id == "__builtins__":
            return {"builtins"}
        return {f"{star}.{node.id}" for star in self.stars if _brings(star, node.id)} or (
            {f"builtins.{node.id}"} if hasattr(builtins, node.id) else {""}
        )

    def _resolve_call(self, call: ast.Call, scope: Scope) -> set[str]:
        found = set()
        for name in self.resolve(call.func, scope):
            if name in IMPORTERS and text_of(call, 0):
                found.add(_imported(name, text_of(call, 0)))
            elif name == "builtins.getattr" and text_of(call, 1):
                found |= {_member(owner, text_of(call, 1)) for owner in self.resolve(call.args[0], scope)}
            else:
                found.add(PATH if name.startswith("pathlib.") else "")
        return found


def _within(nodes: Iterable[ast.AST | None], scope: Scope) -> Parts:
    return [(node, scope) for node in nodes if node]


def _arguments(args: ast.arguments) -> list[ast.arg]:
    every = [*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg]
    return [arg for arg in every if arg]


def _calling(annotations: Iterable[ast.expr | None]) -> list[ast.expr]:
    """Those that do something. Others may name what they like."""
    return [a for a in annotations if a and any(isinstance(node, ast.Call) for node in ast.walk(a))]


def chain(node: ast.Attribute) -> tuple[ast.expr, list[str]]:
    """What stands before a chain of attributes, and the chain."""
    attributes = [node.attr]
    base = node.value
    while isinstance(base, ast.Attribute):
        attributes.append(base.attr)
        base = base.value
    return base, attributes[::-1]


def _alternatives(node: Meaning) -> list[ast.expr]:
    """The parts of an expression that it may be equal to. A path divided by a name is a path."""
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    if isinstance(node, ast.BoolOp):
        return node.values
    if isinstance(node, ast.NamedExpr):
        return [node.value]
    return [node.left] if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) else []


def text_of(call: ast.Call, index: int) -> str:
    """The literal string that is passed there; empty if there is none."""
    value = call.args[index] if index < len(call.args) else None
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def _imported(importer: str, module: str) -> str:
    """What an importer returns: `__import__` the package, and not the module in it."""
    return (module if importer.endswith("import_module") else module.split(".")[0]).lstrip("_")


def _member(owner: str, *attributes: str) -> str:
    if not owner:
        return ""
    for attribute in attributes:
        name = f"{owner}.{attribute}"
        if attribute == "__dict__":
            owner = "builtins.globals"
        elif attribute == "__self__" and owner.startswith("builtins."):
            owner = "builtins"
        elif owner.startswith("pathlib."):
            method = f"pathlib.Path.{attribute}"
            owner = method if method in EFFECTS else PATH
        elif attribute.lstrip("_") in REEXPORTED - {owner} and name not in STEMS:
            owner = attribute.lstrip("_")
        elif owner.count(".") < _LONGEST_NAME:
            owner = name
    return owner


def _brings(star: str, name: str) -> bool:
    """Whether a star import of the module is taken to bring the name."""
    return f"{star}.{name}" in STEMS or (star in EFFECTS and not hasattr(builtins, name))
