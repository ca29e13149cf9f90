"""Check a certificate for all sizes from scratch, without retrodict: python recheck_lifted_certificate.py file.json.

Exit status 0: the file is right, and the patterns are faithful at all sizes. 1: the file is right, but parents are
missing. 2: the file contradicts itself or cannot be read. The template is grounded at three copies of each plate and
the time of theorem 2; what each instance needs follows from Lauritzen et al. (1990), as in recheck_certificate.py.
"""

import itertools
import json
import sys

from recheck_certificate import find_needed, is_open  # beside this file


def find_sizes(template):
    """Return the sizes that show every case: M = (n + 2) k + P, T = 2 (2 M + P) + 1."""
    dims, time = template["variables"], template["time"]
    k = max([1, *(row["lag"] for row in template["relations"])])
    informed = set(template["observed"])
    while more := {r["parent"] for r in template["relations"] if r["child"] in informed} - informed:
        informed |= more
    latents = informed - set(template["observed"])
    ports = sum(3 ** len(set(dims[v]) - {time}) * (k if time in dims[v] else 1) for v in latents)
    length = 2 * (2 * ((len(dims) + 2) * k + ports) + ports) + 1
    return {dim: length if dim == time else 3 for row in dims.values() for dim in row}


def list_indices(dims, sizes):
    """Return the index of every instance, as a mapping from dims."""
    return [dict(zip(dims, index, strict=True)) for index in itertools.product(*(range(sizes[dim]) for dim in dims))]


def name_of(variable, dims, at):
    """Return the name of an instance."""
    return f"{variable}[{','.join(str(at[dim]) for dim in dims)}]" if dims else variable


def ground(template, sizes):
    """Return the parents of every instance: the meaning of relations."""
    variables, time = template["variables"], template["time"]
    parents = {name_of(v, dims, at): set() for v, dims in variables.items() for at in list_indices(dims, sizes)}
    for row in template["relations"]:
        dims = variables[row["parent"]]
        for at in list_indices(variables[row["child"]], sizes):
            if row["only"] is not None and at[time] != row["only"] % sizes[time]:
                continue
            ranges = []
            for dim in dims:
                place = row["fixed"] % sizes[dim] if dim == time and row["fixed"] is not None else at.get(dim)
                first = place - (row["lag"] if dim == time else 0) if place is not None else None
                if dim in row["every"]:
                    ranges.append(range(sizes[dim]))
                elif dim in row["up_to"]:
                    ranges.append(range(place + 1))
                else:
                    ranges.append([first] if first >= 0 else [])
            child = name_of(row["child"], variables[row["child"]], at)
            parents[child] |= {
                name_of(row["parent"], dims, dict(zip(dims, i, strict=True))) for i in itertools.product(*ranges)
            }
    return parents


def list_order(items, variables, sizes, at=None):
    """Return the instances in the order in which a schedule draws them, each with its variable and index."""
    at = at or {}
    for item in items:
        if isinstance(item, str):
            yield item, at
        else:
            indices = range(sizes[item["dim"]])
            if item["how"] == "halves":
                indices = [t for t, _, _ in list_halves(sizes[item["dim"]], sizes["largest lag"])]
            for i in indices[::-1] if item["how"] == "down" else indices:
                yield from list_order(item["body"], variables, sizes, {**at, item["dim"]: i})


def list_halves(length, reach):
    """Return times in the order in which halves draw them, each with the first and last time of its gap."""
    found, gaps = [], [(0, length - 1)]
    for low, high in gaps:  # the list grows while it is read
        first = max(low, (low + high + 1 - reach) // 2)
        last = min(high, first + reach - 1)
        found += [(t, low, high) for t in range(first, last + 1)]
        gaps += [(a, b) for a, b in ((low, first - 1), (last + 1, high)) if a <= b]
    return found


def find_stated(file, variable, at, sizes):
    """Return the instances that the patterns of one instance mean."""
    template, found = file["template"], set()
    time, variables = template["time"], template["variables"]
    ends = {"t": at.get(time, 0), "0": 0, "T": sizes.get(time, 1) - 1}
    gaps = {t: (low, high) for t, low, high in list_halves(sizes.get(time, 1), sizes["largest lag"])}
    ends["l"], ends["h"] = gaps[ends["t"]]
    patterns = list(file["patterns"][variable])
    for row in file["exceptions"][variable]:
        base, offset = row["at"]
        patterns += row["patterns"] if at[time] == ends[base] + offset else []
    for pattern in patterns:
        for other in list_indices(variables[pattern["name"]], sizes):
            signs = all((other[d] > at[d]) - (other[d] < at[d]) in cell for d, cell in pattern["cells"].items())
            low, high = (ends[base] + offset for base, offset in pattern["run"] or [["0", 0], ["T", 0]])
            if signs and (time not in other or low <= other[time] <= high):
                found.add(name_of(pattern["name"], variables[pattern["name"]], other))
    return found


def add_copies(template):
    """Return the template in which what may be missing is latent and has a copy that is always seen."""
    copies = {f"{name}.seen": name for name in template["may_be_missing"]}
    own = {"lag": 0, "every": [], "up_to": [], "fixed": None, "only": None}
    return {
        **template,
        "variables": template["variables"] | {copy: template["variables"][v] for copy, v in copies.items()},
        "relations": template["relations"] + [{"child": c, "parent": v, **own} for c, v in copies.items()],
        "observed": [v for v in template["observed"] if v not in copies.values()] + list(copies),
    }


def find_missing(file, template, sizes, parents):
    """Return the parents that instances need and the patterns do not mean."""
    variables, missing = template["variables"], []
    known = {name_of(v, variables[v], at) for v in template["observed"] for at in list_indices(variables[v], sizes)}
    informed, stack = set(), list(known)
    while stack:
        name = stack.pop()
        if name not in informed:
            informed.add(name)
            stack += parents[name]
    for variable, at in list_order(file["schedule"], variables, sizes):
        child = name_of(variable, variables[variable], at)
        if child in informed:
            stated = {seen for name in find_stated(file, variable, at, sizes) for seen in (name, copy_of(name))}
            needed = find_needed(parents, child, known) - {copy_of(child)}
            missing += [(name, child, frozenset(known)) for name in needed - stated]
            known.add(child)
    return missing


def copy_of(name):
    """Return the name of the seen copy of an instance."""
    variable, bracket, index = name.partition("[")
    return f"{variable}.seen{bracket}{index}"


def require_truth(file):
    """Raise an error that says what is wrong with the file, if anything is."""
    if (file["format"], file["version"]) != ("retrodict-lifted-certificate", 1):
        raise ValueError("no lifted certificate of version 1")
    template = add_copies(file["template"])
    sizes, verdict = find_sizes(template), file["certificate"]
    if sizes != file["sizes"]:
        raise ValueError(f"the sizes that show every case are {sizes}, not {file['sizes']}")
    parents = ground(template, sizes)
    reach = max([1, *(row["lag"] for row in template["relations"])])
    missing = find_missing(file, template, sizes | {"largest lag": reach}, parents)
    listed = {(edge["parent"], edge["child"]): edge["path"] for edge in verdict["missing"]}
    if {edge[:2] for edge in missing} != set(listed) or verdict["faithful"] is not (not missing):
        raise ValueError(f"{len(missing)} edges are missing, listed are {len(listed)}")
    for name, child, known in missing:
        path = listed[name, child]
        if path[:1] + path[-1:] != [name, child] or not is_open(parents, path, known - {name}):
            raise ValueError(f"no open path proves that {name} -> {child} is missing")


def main(path):
    """Check a file, say what was found, and return the exit status."""
    try:
        with open(path, encoding="utf-8") as text:
            file = json.load(text)
        require_truth(file)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        print(f"{path}: {error!r}", file=sys.stderr)
        return 2
    verdict = file["certificate"]
    print(f"confirmed at {file['sizes']}: {len(verdict['missing'])} missing; {verdict['scope']}")
    return 0 if verdict["faithful"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) == 2 else "certificate.json"))
