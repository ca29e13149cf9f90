"""Inverses of the named templates by hand: a schedule that a person would want, and what is right for it."""

from __future__ import annotations

from typing import NamedTuple


class ByHand(NamedTuple):
    schedule: str
    parents: tuple[str, ...]


BY_HAND: dict[str, ByHand] = {
    "hierarchy": ByHand(
        "(mu; tau; sigma; each j: (theta))",
        ("mu <- y[*,*]", "tau <- mu y[*,*]", "sigma <- mu tau y[*,*]", "theta[j] <- mu tau sigma y[j,*]"),
    ),
    "schools": ByHand(
        "(mu; tau; each j: (theta))",
        ("mu <- se[*] y[*]", "tau <- se[*] mu y[*]", "theta[j] <- se[j] mu tau y[j]"),
    ),
    "radon": ByHand(
        "(g; tau; beta; sigma; each j: (alpha))",
        (
            "g <- u[*] floor[*,*] y[*,*]",
            "tau <- u[*] floor[*,*] g y[*,*]",
            "beta <- u[*] floor[*,*] g tau y[*,*]",
            "sigma <- u[*] floor[*,*] g tau beta y[*,*]",
            "alpha[j] <- u[j] floor[j,*] g tau beta sigma y[j,*]",
        ),
    ),
    "three-levels": ByHand(
        "(mu; s1; s2; s3; each s: (a); each s: each c: (b))",
        (
            "mu <- y[*,*,*]",
            "s1 <- mu y[*,*,*]",
            "s2 <- mu s1 y[*,*,*]",
            "s3 <- mu s1 s2 y[*,*,*]",
            "a[s] <- mu s1 s2 s3 y[s,*,*]",
            "b[s,c] <- s2 s3 a[s] y[s,c,*]",
        ),
    ),
    "crossed": ByHand(
        "(mu; turn j: (b); each i: (a))",
        ("mu <- y[*,*]", "b[j] <- mu b[<j] y[*,*]", "a[i] <- mu b[*] y[i,*]"),
    ),
    "item-response": ByHand(
        "(m; s; turn j: (b); each i: (a))",
        ("m <- x[*] y[*,*]", "s <- m x[*] y[*,*]", "b[j] <- m s x[*] b[<j] y[*,*]", "a[i] <- x[i] b[*] y[i,*]"),
    ),
    "birds": ByHand(
        "(mu; sr; ss; sy; turn y: (year); each r: (region); each r: each q: (square))",
        (
            "mu <- count[*,*,*]",
            "sr <- mu count[*,*,*]",
            "ss <- mu sr count[*,*,*]",
            "sy <- mu sr ss count[*,*,*]",
            "year[y] <- mu sr ss sy year[<y] count[*,*,*]",
            "region[r] <- mu sr ss year[*] count[r,*,*]",
            "square[r,q] <- ss region[r] year[*] count[r,q,*]",
        ),
    ),
    "topics": ByHand(
        "(turn k: (phi); each d: (theta); each d: each n: (z))",
        ("phi[k] <- phi[<k] w[*,*]", "theta[d] <- phi[*] w[d,*]", "z[d,n] <- phi[*] theta[d] w[d,n]"),
    ),
    "ssm": ByHand("(up t: (z))", ("z[t] <- z[t-1] x[t..T-1]",)),
    "lgssm": ByHand("(down t: (z))", ("z[t] <- z[t+1] x[0..t]",)),
    "second-order": ByHand("(up t: (z))", ("z[t] <- z[t-2..t-1] x[t..T-1]",)),
    "hmm": ByHand("(A; B; up t: (z))", ("A <- x[*]", "B <- A x[*]", "z[t] <- A B z[t-1] x[t..T-1]")),
    "inputs": ByHand("(phi; up t: (z))", ("phi <- u[*] x[*]", "z[t] <- phi u[t..T-1] z[t-1] x[t..T-1]")),
    "autoregressive": ByHand("(phi; up t: (z))", ("phi <- y[*]", "z[t] <- phi z[t-1] y[t-1..T-1]")),
    "panel": ByHand("(phi; each j: up t: (z))", ("phi <- x[*,*]", "z[j,t] <- phi z[j,t-1] x[j,t..T-1]")),
    "units-of-series": ByHand(
        "(phi; each j: (psi); each j: up t: (z))",
        ("phi <- x[*,*]", "psi[j] <- phi x[j,*]", "z[j,t] <- psi[j] z[j,t-1] x[j,t..T-1]"),
    ),
    "two-layers": ByHand(
        "(up t: (z2; z1))",
        ("z2[t] <- z2[t-1] z1[t-1] x[t..T-1]", "z1[t] <- z2[t] z1[t-1] x[t..T-1]"),
    ),
    "two-layers-plain": ByHand("(up t: (z2); each t: (z1))", ("z2[t] <- z2[t-1] x[t..T-1]", "z1[t] <- z2[t] x[t]")),
    "three-layers": ByHand(
        "(up t: (z3; z2; z1))",
        (
            "z3[t] <- z3[t-1] z2[t-1] z1[t-1] x[t..T-1]",
            "z2[t] <- z3[t] z2[t-1] z1[t-1] x[t..T-1]",
            "z1[t] <- z3[t] z2[t] z1[t-1] x[t..T-1]",
        ),
    ),
    "three-layers-plain": ByHand(
        "(up t: (z3); each t: (z2); each t: (z1))",
        ("z3[t] <- z3[t-1] x[t..T-1]", "z2[t] <- z3[t] x[t]", "z1[t] <- z2[t] x[t]"),
    ),
    "ssm-autoregressive": ByHand("(up t: (z))", ("z[t] <- z[t-1] x[t-1..T-1]",)),
    "switching": ByHand("(up t: (s; z))", ("s[t] <- s[t-1] z[t-1] x[t..T-1]", "z[t] <- s[t] z[t-1] x[t..T-1]")),
    "common-factor": ByHand(
        "(up t: (f); each j: up t: (z))",
        ("f[t] <- f[0..t-1] x[*,*]", "z[j,t] <- f[t..T-1] z[j,t-1] x[j,t..T-1]"),
    ),
}
