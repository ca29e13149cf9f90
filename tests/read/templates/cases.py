"""Programs, arguments at which they are read, and the template that a person would write of each."""

# ruff: noqa: RUF001  names of sites are those of the authors

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

import retrodict as rd
from tests.read.templates import house_programs as house
from tests.read.templates import public_programs as public

RNG = np.random.default_rng(0)


@dataclass(frozen=True, eq=False)
class Case:
    program: Callable[..., Any]
    args: tuple[Any, ...]
    observed: str
    text: str
    known: str = ""
    constants: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.program.__name__

    def by_hand(self) -> rd.Template:
        observed = [*self.known.split(), *self.constants.split(), self.observed]
        return rd.Template(self.text, observed, constants=self.constants.split(), **self.options)

    @cached_property
    def model(self) -> rd.TemplateModel:
        return rd.from_numpyro(self.program, *self.args, observed=[self.observed], template=True)


COUNTY = np.array([0, 0, 1, 1, 1, 2, 3])
FLOOR = np.array([0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0])
SUBJECT = np.repeat(np.arange(3), 4)
ANNOTATIONS = np.array([[0, 1, 2, 0], [1, 1, 2, 2], [0, 0, 0, 1]])
POSITIONS = np.array([0, 0, 1, 2])
AT_BATS = np.array([45, 45, 40, 38])
CAPTURES = np.ones((4, 6), dtype=int)
TONES = np.zeros((3, 5, 4), dtype=int)
PATIENT = np.array([0, 0, 1, 1, 1, 2, 3, 3])
WEEKS = RNG.normal(size=8)
STUDENT, LECTURER = np.array([0, 0, 1, 1, 2, 2, 2, 3]), np.array([0, 1, 1, 2, 0, 0, 2, 1])
PERSON, ITEM = (each.ravel() for each in np.meshgrid(np.arange(4), np.arange(3), indexing="ij"))
AGE = RNG.normal(size=4)

HOUSE = [
    Case(
        house.eight_schools,
        (np.array([15.0, 10.0, 16.0, 11.0]),),
        "y",
        "error[schools]; mu; tau; theta[schools] | mu tau; y[schools] | theta[schools] error[schools]",
        "error",
    ),
    Case(
        house.radon_of_a_line,
        (COUNTY, FLOOR, np.array([0.1, 0.5, -1.0, 0.3])),
        "y",
        "uranium[county]; floor[county,house]; g; h; tau; sigma; beta; alpha[county] | g h uranium[county] tau; "
        "y[county,house] | alpha[county] beta sigma floor[county,house]",
        "uranium floor",
    ),
    Case(
        house.radon,
        (COUNTY, FLOOR, np.array([0.1, 0.5, -1.0, 0.3])),
        "y",
        "uranium[county]; floor[county,house]; g_0; g_1; g_2; tau; sigma; beta; "
        "alpha[county] | g_0 g_1 g_2 uranium[county] tau; "
        "y[county,house] | alpha[county] beta sigma floor[county,house]",
        "uranium floor",
    ),
    Case(
        house.polynomial,
        (np.linspace(0.1, 1, 6),),
        "y",
        "x[y.0]; b_0; b_1; b_2; y[y.0] | b_0 b_1 b_2 x[y.0]",
        "x",
    ),
    Case(
        house.autoregression,
        (9, 3),
        "y",
        "alpha; sigma; beta_0; beta_1; beta_2; y[t] | alpha sigma beta_0 beta_1 beta_2 y[t-1] y[t-2] y[t-3]",
    ),
    Case(
        house.three_levels,
        (np.array([0, 0, 1, 2, 2]), np.array([0, 0, 1, 2, 2, 3, 4, 4])),
        "y",
        "mu; s1; s2; s3; a[area] | mu s1; b[area,school] | a[area] s2; y[area,school,pupil] | b[area,school] s3",
    ),
    Case(
        house.evaluations,
        (STUDENT, LECTURER),
        "y",
        "mu; ss; sl; a[student] | ss; b[lecturer] | sl; y[student,lecturer,mark] | mu a[student] b[lecturer]",
    ),
    Case(
        house.sleepstudy,
        (SUBJECT, np.tile(np.arange(4.0), 3)),
        "y",
        "days[subject,row]; scale_0; scale_1; mean; drift; a[subject] | mean scale_0; b[subject] | drift scale_0; "
        "y[subject,row] | a[subject] b[subject] scale_1 days[subject,row]",
        "days",
    ),
    Case(
        public.ucbadmit,
        (np.repeat(np.arange(3), 2), np.tile([0, 1], 3), np.array([10, 20, 30, 40, 50, 60])),
        "admit",
        "male[z_0.0,admit.0]; applications[z_0.0,admit.0]; v_mu_0; v_mu_1; sigma_0; sigma_1; "
        "L_Rho; z_0[z_0.0]; z_1[z_0.0]; "
        "admit[z_0.0,admit.0] | v_mu_0 v_mu_1 sigma_0 sigma_1 L_Rho z_0[z_0.0] z_1[z_0.0] male[z_0.0,admit.0] "
        "applications[z_0.0,admit.0]",
        "male applications",
    ),
    Case(house.crossed, (4, 3), "y", "mu; a[i]; b[j]; y[i,j] | mu a[i] b[j]"),
    Case(
        house.item_response,
        (PERSON, ITEM, AGE),
        "y",
        "age[person]; slope; theta[person] | slope age[person]; discrimination[item]; difficulty[item]; "
        "y[person,item] | theta[person] discrimination[item] difficulty[item]",
        "age",
    ),
    Case(house.state_space, (6,), "x", "z[t] | z[t-1]; x[t] | z[t]"),
    Case(house.started, (6,), "x", "z0; z[t] | z[t-1] z0@0; x[t] | z[t]"),
    Case(house.ended, (6,), "x", "z[t] | z[t-1]; x | z[-1]"),
    Case(
        house.with_inputs,
        (RNG.normal(size=6),),
        "x",
        "inputs[t]; phi; z[t] | z[t-1] phi inputs[t]; x[t] | z[t]",
        "inputs",
    ),
    Case(
        house.units_of_series,
        (3, 6),
        "x",
        "phi; psi[units] | phi; z[t,units] | z[t-1,units] psi[units]; x[t,units] | z[t,units]",
    ),
    Case(
        house.common_factor,
        (3, 5),
        "x",
        "f[t] | f[t-1]; z[t,units] | z[t-1,units]; x[t,units] | f[t] z[t,units]",
    ),
    Case(house.switching, (6,), "x", "s[t] | s[t-1]; z[t] | z[t-1] s[t]; x[t] | z[t]"),
    Case(house.shocks, (4,), "y", "shock[shock.0]; y[shock.0] | shock[..shock.0]"),
    Case(house.vectors, (5,), "y", "theta[theta.0]; y[theta.0] | theta[theta.0]"),
    Case(
        house.regression,
        (RNG.normal(size=(6, 3)),),
        "y",
        "design[y.0,beta.0]; beta[beta.0]; y[y.0] | beta[:] design[y.0,:]",
        "design",
    ),
    Case(
        house.panel_of_rows,
        (np.array([0, 1, 2, 2, 1, 0, 0]), np.array([0, 0, 1, 2, 3, 4, 4])),
        "y",
        "level[t] | level[t-1]; effect[unit]; y[t,unit,row] | level[t] effect[unit]",
    ),
    Case(house.trend_of_times, (np.arange(5.0),), "y", "times[year]; slope; y[year] | slope times[year]", "times"),
    Case(
        house.index_as_a_number,
        (np.array([0, 2, 1, 1]), np.array([0.5, 1.0, 2.0])),
        "y",
        "table[row]; group[row]; mu; slope; y[row] | mu slope table[row] group[row]",
        "table group",
    ),
    Case(
        house.factors,
        (6, 5, 3),
        "x",
        "weights[weights.0,weights.1]; scores[row,weights.1]; x[row,weights.0] | weights[weights.0,:] scores[row,:]",
    ),
    Case(house.closed_over, (), "y", "WEIGHTS[source]; mu; y[source] | mu WEIGHTS[source]", constants="WEIGHTS"),
]

PUBLIC = [
    Case(
        public.baseball_fully_pooled,
        (AT_BATS,),
        "obs",
        "at_bats[num_players]; phi; obs[num_players] | phi at_bats[num_players]",
        "at_bats",
    ),
    Case(
        public.baseball_partially_pooled,
        (AT_BATS,),
        "obs",
        "at_bats[num_players]; m; kappa; phi[num_players] | m kappa; "
        "obs[num_players] | phi[num_players] at_bats[num_players]",
        "at_bats",
    ),
    Case(
        public.baseball_with_logit,
        (AT_BATS,),
        "obs",
        "at_bats[num_players]; loc; scale; alpha[num_players] | loc scale; "
        "obs[num_players] | alpha[num_players] at_bats[num_players]",
        "at_bats",
    ),
    Case(
        public.multinomial,
        (ANNOTATIONS,),
        "y",
        "zeta[class]; pi; c[item] | pi; y[item,position] | zeta[:] c[item]",
    ),
    Case(
        public.dawid_skene,
        (POSITIONS, ANNOTATIONS),
        "y",
        "beta[annotator,class]; pi; c[item] | pi; y[item,annotator,position] | beta[annotator,:] c[item]",
    ),
    Case(
        public.mace,
        (POSITIONS, ANNOTATIONS),
        "y",
        "epsilon[annotator]; theta[annotator]; c[item]; s[item,annotator,position] | theta[annotator]; "
        "y[item,annotator,position] | epsilon[annotator] c[item] s[item,annotator,position]",
    ),
    Case(
        public.capture_recapture_1,
        (CAPTURES,),
        "y",
        "phi; rho; z[t,animals] | phi z[t-1,animals]; y[t,animals] | rho z[t,animals]",
    ),
    Case(
        public.capture_recapture_3,
        (CAPTURES,),
        "y",
        "phi_mean; phi_sigma; rho; phi_logit[t] | phi_mean phi_sigma; "
        "z[t,animals] | phi_logit[t] z[t-1,animals]; y[t,animals] | rho z[t,animals]",
    ),
    Case(
        public.capture_recapture_5,
        (CAPTURES, np.array([0, 1, 1, 0])),
        "y",
        "sex[animals]; phi_beta; rho; phi_gamma[t]; z[t,animals] | phi_beta sex[animals] phi_gamma[t] "
        "z[t-1,animals]; y[t,animals] | rho z[t,animals]",
        "sex",
    ),
    Case(
        public.hmm_1,
        (TONES, 3),
        "y",
        "probs_x[probs_x.0]; probs_y[probs_y.0,tones]; x[t,sequences] | probs_x[:] x[t-1,sequences]; "
        "y[t,sequences,tones] | probs_y[:,tones] x[t,sequences]",
    ),
    Case(
        public.hmm_3,
        (TONES, 3),
        "y",
        "probs_w[probs_w.0]; probs_x[probs_x.0]; probs_y[probs_y.0,probs_y.1,tones]; "
        "w[t,sequences] | probs_w[:] w[t-1,sequences]; x[t,sequences] | probs_x[:] x[t-1,sequences]; "
        "y[t,sequences,tones] | probs_y[:,:,tones] w[t,sequences] x[t,sequences]",
    ),
    Case(
        public.ar2,
        (np.array([0.3, -0.2]), 7),
        "y",
        "alpha_1; alpha_2; const; sigma; y[t] | alpha_1 alpha_2 const sigma y[t-1] y[t-2]",
    ),
    Case(
        public.stochastic_volatility,
        (np.zeros(6),),
        "r",
        "sigma; s[t] | s[t-1] sigma; nu; r[t] | s[t] nu",
    ),
    Case(
        public.pulmonary,
        (PATIENT, WEEKS),
        "obs",
        "weeks[plate_i,data]; μ_α; σ_α; μ_β; σ_β; α[plate_i] | μ_α σ_α; β[plate_i] | μ_β σ_β; σ; "
        "obs[plate_i,data] | α[plate_i] β[plate_i] weeks[plate_i,data] σ",
        "weeks",
    ),
    Case(
        public.pulmonary_by_smoking,
        (PATIENT, WEEKS, np.array([0, 1, 2, 1])),
        "obs",
        "weeks[plate_smoking_status,plate_i,data]; μ_α_global; σ_α_global; μ_β_global; σ_β_global; "
        "μ_α_smoking_status[plate_smoking_status] | μ_α_global σ_α_global; "
        "μ_β_smoking_status[plate_smoking_status] | μ_β_global σ_β_global; "
        "α[plate_smoking_status,plate_i] | μ_α_smoking_status[plate_smoking_status] σ_α_global; "
        "β[plate_smoking_status,plate_i] | μ_β_smoking_status[plate_smoking_status] σ_β_global; σ; "
        "obs[plate_smoking_status,plate_i,data] | α[plate_smoking_status,plate_i] β[plate_smoking_status,plate_i] "
        "weeks[plate_smoking_status,plate_i,data] σ",
        "weeks",
    ),
    Case(
        public.zero_inflated_poisson,
        (RNG.normal(size=(6, 3)),),
        "Y",
        "X[obs,b1.0]; b1[b1.0]; b2[b1.0]; Y[obs] | b1[:] b2[:] X[obs,:]",
        "X",
    ),
]
CASES = [*HOUSE, *PUBLIC]
