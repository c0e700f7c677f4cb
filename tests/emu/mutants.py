#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Breaks our CUDA kernels on purpose, one place at a time, and says which breaks the emulator's tests notice.

  tests/emu/mutants.py --build build/release                            every file: hours
  tests/emu/mutants.py --build build/release softmax_v3_block           that file; 7 where one goes unexplained
  tests/emu/mutants.py --build build/release --write softmax_v3_block   and puts their rows into mutants.csv
  tests/emu/mutants.py --summary                                        counts the rows of mutants.csv

A mutant of device code lacks one barrier, wait, arrival, fence or commit, or one of its comparisons is off by one.
All mutants of a file are compiled together and one is chosen when the test starts (LIMBIC_MUTANT), so that a file costs
one compilation and one link however many mutants it has; number 0 is the file as it is, and must pass. The op's cases of
test_gpu run, with the rungs of that file alone, in three orders of threads. What they let pass goes on where there is
such a build (-DLIMBIC_EMU_SANITIZED=ON): a missing barrier or wait to TSan, a comparison to ASan+UBSan. What nothing
finds is explained in the last column of mutants.csv, which --write keeps.
"""
import argparse
import collections
import csv
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
TABLE = pathlib.Path(__file__).resolve().parent / "mutants.csv"
COLUMNS = ["file", "line", "source", "mutation", "found in", "by", "why not"]
ORDERS, TSAN, ASAN = "three orders", "TSan", "ASan+UBSan"
SUFFIX = {ORDERS: "", TSAN: "_tsan", ASAN: "_asan"}
# `a < is<less, 7> > b` compares as `a < b` does, with the same precedence and types, but for mutant 7.
SWITCH = """
#pragma once
#include <cstdlib>
namespace mutant {
inline const int chosen = std::getenv("LIMBIC_MUTANT") ? std::atoi(std::getenv("LIMBIC_MUTANT")) : 0;
enum Sign { less, less_equal, greater, greater_equal };
template <Sign sign, int n> struct Operator {};
template <Sign sign, int n> inline constexpr Operator<sign, n> is{};
template <class A, Sign sign, int n> struct Left { A a; };
template <class A, Sign sign, int n> Left<A, sign, n> operator<(A a, Operator<sign, n>) { return {a}; }
template <class A, Sign sign, int n, class B> bool operator>(Left<A, sign, n> left, B b) {
  const bool strict = (sign == less || sign == greater) != (chosen == n);
  if constexpr (sign == less || sign == less_equal) return strict ? left.a < b : left.a <= b;
  else return strict ? left.a > b : left.a >= b;
}
}
"""
SIGNS = {"<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal"}
MOVED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
DROPPED = re.compile(r"\b(__syncthreads|__syncwarp|cp_async_(?:wait<\d+>|commit)|mbarrier_(?:wait|arrive)|wgmma_(?:fence|commit|wait<\d+>))\((?:[^()]|\([^()]*\))*\);")
VOTE = re.compile(r"\b__syncthreads_(?:and|or)\(([^()]*)\)")
BOUND = re.compile(r" (<=?|>=?) (?=\S)")


def without_comments(text):
    """The text with blanks for comments and string literals: every character stays in its place."""
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.S)


def device_code(text):
    """(begin, end) of the body of every function that says __global__ or __device__."""
    head, depth, inside = 0, 0, None
    for i, c in enumerate(text):
        if c == "{":
            if inside is None and re.search(r"__(global|device)__", text[head:i]) and text[head:i].count("(") == text[head:i].count(")"):
                inside = (i, depth)
            depth += 1
        elif c == "}":
            depth -= 1
            if inside and inside[1] == depth:
                yield inside[0], i
                inside = None
        if c in ";}" or (c == "{" and not inside):
            head = i + 1


def find_mutants(path):
    """[(position, end, replacement with {n} for the number, what it does)] in the order of the file."""
    text = without_comments(path.read_text())
    found = []
    for begin, end in device_code(text):
        for match in DROPPED.finditer(text, begin, end):
            found.append((match.start(), match.end(), "(mutant::chosen == {n} ? void() : " + match[0][:-1] + ");", f"{match[1]} dropped"))
        for match in VOTE.finditer(text, begin, end):
            found.append((match.start(), match.end(), "(mutant::chosen == {n} ? bool(" + match[1] + ") : " + match[0] + ")", "vote without the others"))
        for match in BOUND.finditer(text, begin, end):
            line = text[text.rfind("\n", 0, match.start()) + 1 : text.find("\n", match.end())]
            if not re.search(r"\bconstexpr\b|static_assert|template <", line):
                found.append((match.start(), match.end(), f" < mutant::is<mutant::{SIGNS[match[1]]}, {{n}}> > ", f"{match[1]} becomes {MOVED[match[1]]}"))
    return sorted(found)


def mutated(path, mutants):
    """The text of the file with every mutant in it."""
    text, at, out = path.read_text(), 0, ""
    for n, (begin, end, replacement, _) in enumerate(mutants, 1):
        out += text[at:begin] + replacement.format(n=n)
        at = end
    return out + text[at:]


def users(path):
    """The .cu files that compile a file of device code."""
    if path.suffix == ".cu":
        return [path]
    name = str(path.relative_to(SOURCE))
    found = []
    for other in [*(SOURCE / "kernels").glob("*/*.cu"), *(SOURCE / "kernels").glob("*/*.h"), *(SOURCE / "kernels").glob("*.h")]:
        if other.parent.name not in ("cuda", "emu") and f'"{name}"' in other.read_text():
            found += users(other)
    return sorted(set(found))


class Test:
    """test_gpu of one build, linked with the mutants of one file."""

    def __init__(self, build, suffix, path, mutants, folder):
        self.program, self.path = folder / f"test{suffix}", path
        (folder / "switch.h").write_text(SWITCH)
        copy = folder / path.relative_to(SOURCE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(mutated(path, mutants))
        commands = subprocess.run(["ninja", "-C", build, "-t", "commands", f"tests/test_gpu{suffix}"], capture_output=True, text=True, check=True)
        *compilations, link = commands.stdout.splitlines()
        for number, unit in enumerate(users(path)):
            command = next(c for c in compilations if c.endswith(f" -c {unit}") and f"limbic_kernels_emu{suffix}.dir" in c)
            output = re.search(r" -o (\S+\.o)", command)[1]
            own = folder / f"{number}{suffix}.o"
            command = re.sub(r" -MD -MT \S+ -MF \S+", "", command).replace(f" -o {output}", f" -o {own}").replace(" -I", f" -w -include {folder}/switch.h -I{folder} -I", 1)
            if unit == path:
                command = command.replace(f" -c {unit}", f" -c {copy}")
            self.call(command, build)
            link = link.replace(output, str(own))
        self.call(link.replace(f" -o tests/test_gpu{suffix}", f" -o {self.program}"), build)
        self.most_seconds = 1200

    def check_unbroken(self):
        """The tests must pass without a mutant; with one they get ten times as long."""
        began = time.monotonic()
        if found := self.run(0):
            raise SystemExit(f"{self.path}: the tests fail without a mutant: {found}")
        self.most_seconds = 60 + 10 * (time.monotonic() - began)

    @staticmethod
    def call(command, build):
        done = subprocess.run(command, shell=True, cwd=build, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{command}\n{done.stderr}")

    def run(self, mutant):
        """What finds the mutant, in a few words; "" where the tests pass."""
        env = {**os.environ, "LIMBIC_MUTANT": str(mutant), "LIMBIC_TEST_DEVICE": "emu", "TSAN_OPTIONS": "halt_on_error=1"}
        if self.path.suffix == ".cu":
            env["LIMBIC_TEST_FILE"] = f"{self.path.parent.name}/{self.path.name}"
        ops = sorted({unit.parent.name for unit in users(self.path)})
        try:
            done = subprocess.run([self.program, "-a", ",".join(f"{op}:*" for op in ops)], capture_output=True, text=True, errors="replace", env=env, timeout=self.most_seconds)
        except subprocess.TimeoutExpired:
            return "no end"
        if done.returncode == 0:
            return ""
        said = done.stdout + done.stderr
        for pattern, words in [
            (r"ThreadSanitizer: ([a-z- ]+)", "{}"),
            (r"AddressSanitizer: ([a-zA-Z-]+)", "{}"),
            (r"runtime (error): ", "UBSan"),
            (r"emu: ([a-z.0-9 ]+): ", "emulator: {}"),
            (r"(differ|other bits) ", "other bits"),
        ]:
            if match := re.search(pattern, said):
                return words.format(match[1].strip())
        return "failed check" if "FAILED" in said else f"ended with {done.returncode}"


def subjects(wanted):
    """The files of kernels/ with device code: the rungs, then the headers they share."""
    kernels = SOURCE / "kernels"
    files = sorted(kernels.glob("*/*.cu")) + sorted(kernels.glob("*/*_device.h")) + sorted(kernels.glob("*/*_gemm.h")) + sorted(kernels.glob("*/*_mma.h")) + sorted(kernels.glob("*_gemm.h")) + sorted(kernels.glob("gpu_*.h"))
    files = [f for f in files if f.parent.name not in ("cuda", "emu") and f.name != "gpu_runtime.h"]
    return [f for f in files if not wanted or any(f.stem == w for w in wanted)]


def is_comparison(row):
    return "becomes" in row["mutation"]


def hunt(path, build, plain):
    """The rows of one file, without explanations."""
    text, mutants, rows = path.read_text(), find_mutants(path), []
    for begin, _, _, what in mutants:
        line = text.count("\n", 0, begin)
        rows.append(dict.fromkeys(COLUMNS, "") | {"file": str(path.relative_to(SOURCE / "kernels")), "line": line + 1, "source": text.splitlines()[line].strip(), "mutation": what})
    known = subprocess.run(["ninja", "-C", build, "-t", "targets", "all"], capture_output=True, text=True, check=True).stdout
    with tempfile.TemporaryDirectory() as folder:
        for where, suffix in SUFFIX.items():
            left = [(n, row) for n, row in enumerate(rows, 1) if not row["by"] and (where == ORDERS or (where == ASAN) == is_comparison(row))]
            if not left or f"tests/test_gpu{suffix}:" not in known or (plain and where != ORDERS):
                continue
            test = Test(build, suffix, path, mutants, pathlib.Path(folder))
            if where == ORDERS:
                test.check_unbroken()
            for n, row in left:
                if by := test.run(n):
                    row["found in"], row["by"] = where, by
            if where != ORDERS and all(row["by"] for _, row in left):
                test.check_unbroken()
    return rows


def read_table():
    with open(TABLE, newline="") as file:
        return list(csv.DictReader(file))


def explanations():
    """{(file, line's text, mutation, how many alike stand before it in the file): why nothing finds it}"""
    alike, found = collections.Counter(), {}
    for row in read_table():
        key = (row["file"], row["source"], row["mutation"])
        found[(*key, alike[key])] = row["why not"]
        alike[key] += 1
    return found


def write_table(rows, files):
    """Puts `rows` in the place of those of `files`."""
    order = {str(f.relative_to(SOURCE / "kernels")): i for i, f in enumerate(subjects([]))}
    kept = [row for row in read_table() if row["file"] in order and row["file"] not in files]
    with open(TABLE, "w", newline="") as file:
        out = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        out.writeheader()
        out.writerows(sorted(kept + rows, key=lambda row: (order[row["file"]], int(row["line"]))))


def print_summary():
    rows = read_table()
    kinds = {"barriers": lambda row: "__sync" in row["mutation"] or "vote" in row["mutation"], "waits and commits of cp.async": lambda row: "cp_async" in row["mutation"], "mbarriers and wgmma": lambda row: "mbarrier" in row["mutation"] or "wgmma" in row["mutation"], "comparisons": is_comparison, "all": lambda row: True}
    print("| mutants | how many | found in three orders of threads | by TSan alone | by ASan+UBSan alone | not found, and explained |\n| --- | --- | --- | --- | --- | --- |")
    for kind, of in kinds.items():
        found = collections.Counter(row["found in"] for row in rows if of(row))
        print(f"| {kind} | {sum(found.values())} | {found[ORDERS]} | {found[TSAN]} | {found[ASAN]} | {found['']} |")
    by = collections.Counter(row["by"] for row in rows if row["by"])
    print("\nFound by: " + ", ".join(f"{what} {count}" for what, count in by.most_common()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, help="a build folder with test_gpu, made with Ninja")
    parser.add_argument("--plain", action="store_true", help="three orders of threads only, though there is a build with sanitizers")
    parser.add_argument("--write", action="store_true", help="put the rows into mutants.csv")
    parser.add_argument("--summary", action="store_true", help="count the rows of mutants.csv, and do nothing else")
    parser.add_argument("files", nargs="*", help="softmax_v3_block, conv2d_gemm, ...; none: all")
    a = parser.parse_args()
    if a.summary:
        return print_summary()
    if not a.build:
        parser.error("--build is needed")
    explained, alike = explanations(), collections.Counter()
    found, rest, unexplained = 0, 0, 0
    for path in subjects(a.files):
        rows = hunt(path, a.build.resolve(), a.plain)
        for row in rows:
            key = (row["file"], row["source"], row["mutation"])
            if not row["by"]:
                row["why not"] = explained.get((*key, alike[key]), "")
            alike[key] += 1
            verdict = f"{row['found in']}: {row['by']}" if row["by"] else "not found: " + (row["why not"] or "UNEXPLAINED")
            print(f"{row['file']}:{row['line']}: {row['mutation']}: {verdict}", flush=True)
            found, rest, unexplained = found + (row["by"] != ""), rest + (row["by"] == ""), unexplained + (row["by"] == "" and not row["why not"])
        if a.write:
            write_table(rows, [str(path.relative_to(SOURCE / "kernels"))])
    print(f"{found} of {found + rest} mutants found; of the others {rest - unexplained} of {rest} are explained")
    return 7 if unexplained or not found else 0


if __name__ == "__main__":
    sys.exit(main())
