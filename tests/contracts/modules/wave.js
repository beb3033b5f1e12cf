// A toy widget: a sine of a chosen frequency, sent as its numbers.
export const mount = (root, host) => {
  const slider = root.querySelector("#wave-frequency");
  slider.addEventListener("input", () => {
    host.say(Array.from({ length: 12 }, (_, place) => Math.sin(place * Number(slider.value)).toFixed(2)).join(", "));
  });
  return {
    clear: () => { slider.value = "0.1"; },
    pick: ({ text, truth }) => host.say(text, truth),
  };
};
