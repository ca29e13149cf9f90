"""Which edges does the encoder of a variational autoencoder need? Its latents have common children: all of them."""

import equinox as eqx
import jax
import numpyro
import numpyro.distributions as dist

import retrodict as rd

LADDER = rd.zoo.programs.layered_vae(sizes=(2, 3), pixels=16)
NETWORKS = {name: eqx.nn.MLP(16, size, 32, 1, key=jax.random.key(size)) for name, size in (("z2", 2), ("z1", 3))}


def program(image):
    with numpyro.handlers.condition(data={"x": image}):
        LADDER()


def guide(image):  # as most people write it: each layer from the image, its latents apart
    for name, network in NETWORKS.items():
        numpyro.sample(name, dist.Normal(network(image), 1.0))


def count_edges(net):
    inverses = {"mean field": rd.mean_field(net), "reversal": rd.reversal(net)}
    inverses |= {order: rd.invert(net, order) for order in ("forward", "auto")}
    return {name: (inverse.n_edges, rd.certify(inverse).n_missing) for name, inverse in inverses.items()}


def main():
    programs = {"one layer": rd.zoo.programs.vae(), "two layers": rd.zoo.programs.layered_vae()}
    models = {name: rd.from_numpyro(p, observed=["x"], elementwise=True) for name, p in programs.items()}
    found = {name: count_edges(model.net) for name, model in models.items()}
    verdict = rd.lint(rd.from_numpyro(program, jax.numpy.zeros(16), elementwise=True), guide)
    print("edges, and how many are missing:", found, "written by hand:", verdict, sep="\n")
    return found, verdict


if __name__ == "__main__":
    main()
