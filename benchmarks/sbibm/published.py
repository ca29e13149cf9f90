"""C2ST of neural posterior estimation as published with sbibm, the mean over observations 1 to 5.

With 10,000 and with 100,000 simulations. Source: ``main_paper.csv`` of github.com/sbi-benchmark/results (Lueckmann et
al. 2021).
"""

PUBLISHED = {
    "two_moons": (0.604, 0.526),
    "gaussian_mixture": (0.643, 0.555),
    "gaussian_linear": (0.549, 0.506),
    "gaussian_linear_uniform": (0.554, 0.509),
    "slcp": (0.889, 0.838),
    "bernoulli_glm": (0.681, 0.566),
    "sir": (0.737, 0.571),
    "lotka_volterra": (0.997, 0.977),
}
