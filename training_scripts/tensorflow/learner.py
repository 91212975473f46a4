"""One step of training: gradient descent with Nesterov's momentum, and the mean of weights over steps."""

from __future__ import annotations

import tensorflow as tf


class Learner:
    """The weights of a network, their momenta, their average over the steps, and how a batch changes them."""

    def __init__(self, net, momentum, weight_decay):
        self.net, self.inertia = net, momentum
        named = net.named_weights()
        self.weights = [weight.value for weight in named.values()]
        learned = {name: weight.value for name, weight in named.items() if weight.trainable}
        self.learned = list(learned.values())
        self.momenta = [tf.Variable(tf.zeros_like(weight)) for weight in self.learned]
        self.average = [tf.Variable(weight) for weight in self.weights]
        # Decay is for convolutions and the last layer; on scales and offsets it only slows learning.
        self.decays = [weight_decay if name.endswith("kernel") else 0.0 for name in learned]

    @tf.function(autograph=False)
    def step(self, pixels, labels, importance, rate, share):
        """Learn from a batch; return the sum of its losses and how many answers were right."""
        # The mean of the weights over the last steps, batch normalisation's figures among them, is a
        # better network than any one of them: Polyak and Juditsky (1992), SIAM J. Control Optim. 30(4).
        for mean, weight in zip(self.average, self.weights, strict=True):
            mean.assign_add(share * (weight - mean))
        with tf.GradientTape() as tape:
            logits = self.net(pixels, training=True)
            losses = importance * tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, self.learned)
        changing = zip(self.learned, self.momenta, self.decays, gradients, strict=True)
        for weight, momentum, decay, gradient in changing:
            # Nesterov's momentum.
            change = -rate * (gradient + decay * weight)
            momentum.assign(self.inertia * momentum + change)
            weight.assign_add(self.inertia * momentum + change)
        is_right = tf.argmax(logits, axis=1) == labels
        return tf.reduce_sum(losses), tf.reduce_sum(tf.cast(is_right, tf.int32))

    def state(self):
        """Return what it goes on from, as arrays by name."""
        kinds = {"weight": self.weights, "average": self.average, "momentum": self.momenta}
        return {
            f"{kind}.{at}": value.numpy() for kind, values in kinds.items() for at, value in enumerate(values)
        }

    def restore(self, state):
        """Go on from what `state` returned."""
        for kind, values in (("weight", self.weights), ("average", self.average), ("momentum", self.momenta)):
            for at, value in enumerate(values):
                value.assign(state[f"{kind}.{at}"])
