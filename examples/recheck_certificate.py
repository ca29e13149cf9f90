"""Check a certificate from scratch, without retrodict: python recheck_certificate.py certificate.json.

Exit status 0: the file is right, and the inverse faithful and minimal. 1: the file is right, but edges are missing or
removable. 2: the file contradicts itself or cannot be read. What an inverse needs follows from one theorem (Lauritzen
et al. 1990): variables are d-separated exactly if what is given parts them in the moral graph of their ancestors.
"""

import itertools
import json
import sys
from graphlib import TopologicalSorter


def find_ancestors(parents, of):
    """Return these variables and all above them."""
    found, stack = set(), list(of)
    while stack:
        name = stack.pop()
        if name not in found:
            found.add(name)
            stack += parents[name]
    return found


def find_needed(parents, child, known):
    """Return the known variables that the child reaches through unknown ones in the moral graph of the ancestors."""
    families = {}
    for name in find_ancestors(parents, {child, *known}):
        for member in (name, *parents[name]):
            families.setdefault(member, []).append(name)
    reached, needed, joined, stack = {child}, set(), set(), [child]
    while stack:
        for name in set(families[stack.pop()]) - joined:
            joined.add(name)
            for member in {name, *parents[name]} - reached:
                if member in known:
                    needed.add(member)
                else:
                    reached.add(member)
                    stack.append(member)
    return needed


def is_open(parents, path, given):
    """Say whether every step is an edge, no variable comes twice, and each in between lets influence pass."""
    edges = [a in parents[b] or b in parents[a] for a, b in itertools.pairwise(path)]
    if len(set(path)) < len(path) or not all(edges):
        return False
    opens = find_ancestors(parents, given)
    for before, name, after in zip(path, path[1:], path[2:], strict=False):
        collider = before in parents[name] and after in parents[name]
        if (name not in opens) if collider else (name in given):
            return False
    return True


def find_edges(file, parents):
    """Return the missing and the removable edges, found anew."""
    known, missing, removable = set(file["model"]["observed"]), [], []
    for child in file["inverse"]["sampling_order"]:
        stated, needed = set(file["inverse"]["parents"][child]), find_needed(parents, child, known)
        if stated - known:
            raise ValueError(f"{child} is drawn before {', '.join(map(str, stated - known))}")
        missing += [(name, child) for name in needed - stated]
        removable += [(name, child) for name in stated - needed]
        known.add(child)
    return missing, removable


def require_paths(file, parents, paths):
    """Raise an error unless every path is open given all that is known before its child, its other end aside."""
    order, observed = file["inverse"]["sampling_order"], file["model"]["observed"]
    for (name, child), path in paths.items():
        known = {*observed, *order[: order.index(child)]}
        if path[:1] + path[-1:] != [name, child] or not is_open(parents, path, known - {name}):
            raise ValueError(f"no open path proves that {name} -> {child} is missing")


def require_listed(what, found, listed, verdict):
    """Raise an error unless the edges found are those listed, each once, and the verdict is that there are none."""
    if sorted(found) != sorted(listed) or verdict is not (not found):
        raise ValueError(f"{len(found)} edges are {what}, listed are {len(listed)}; the verdict says {verdict}")


def require_truth(file):
    """Raise an error that says what is wrong with the file, if anything is."""
    if (file["format"], file["version"]) != ("retrodict-certificate", 1):
        raise ValueError("no certificate of version 1")
    parents, verdict, inverse = file["model"]["parents"], file["certificate"], file["inverse"]
    latents = sorted(set(TopologicalSorter(parents).static_order()) - set(file["model"]["observed"]))
    if sorted(inverse["sampling_order"]) != latents or sorted(inverse["parents"]) != latents:
        raise ValueError("the inverse is not one of all latents")
    missing, removable = find_edges(file, parents)
    for what, found, word in ("missing", missing, "faithful"), ("removable", removable, "minimal"):
        require_listed(what, found, [(edge["parent"], edge["child"]) for edge in verdict[what]], verdict[word])
    require_paths(file, parents, {(edge["parent"], edge["child"]): edge["path"] for edge in verdict["missing"]})


def main(path):
    """Check a file, say what was found, and return the exit status."""
    try:
        with open(path, encoding="utf-8") as text:
            file = json.load(text)
        require_truth(file)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        print(f"{path}: {error!r}", file=sys.stderr)
        return 2
    verdict = file["certificate"]
    print(f"confirmed: {len(verdict['missing'])} missing, {len(verdict['removable'])} removable")
    return 0 if verdict["faithful"] and verdict["minimal"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) == 2 else "certificate.json"))
