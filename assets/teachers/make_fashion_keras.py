"""A Keras model of Fashion-MNIST as an ONNX file: a teacher that kdui knows only by its answers.

pip install keras==3.15.1, then: python assets/teachers/make_fashion_keras.py. It trains on kdui's training split (54,000
pictures, pixels 0 to 1) and looks at the validation split alone. A few minutes on a core.
"""

import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"

import keras
from keras import layers

from kdui.catalogue.tasks import load_task
from kdui.settings import Settings

EPOCHS, BATCH = 8, 128


def model() -> keras.Model:
    """Three convolutions with batch normalisation, 24,000 parameters; it answers with logits."""
    pictures = keras.Input((28, 28, 1), name="pictures")
    found = pictures
    for width, stride in ((16, 2), (32, 1), (64, 2)):
        found = layers.Conv2D(width, 3, strides=stride, padding="same", use_bias=False)(found)
        found = layers.ReLU()(layers.BatchNormalization()(found))
    found = layers.GlobalAveragePooling2D()(found)
    return keras.Model(pictures, layers.Dense(10, name="logits")(found))


def main() -> None:
    keras.utils.set_random_seed(0)
    splits = load_task("fashion-mnist", Settings.from_environment())[1]
    (x, y), (vx, vy) = ((splits[name].inputs.astype("float32") / 255, splits[name].targets) for name in ("train", "validation"))
    net = model()
    steps = EPOCHS * -(-len(x) // BATCH)
    net.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.003, steps)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    net.fit(x, y, batch_size=BATCH, epochs=EPOCHS, validation_data=(vx, vy), verbose=2)
    net.export(str(Path(__file__).with_name("fashion-keras.onnx")), format="onnx")


if __name__ == "__main__":
    main()
