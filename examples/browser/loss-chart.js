// Draws the losses as two lines of an SVG that grow with the run.
const width = 640;
const height = 260;
const margin = { top: 14, right: 16, bottom: 30, left: 44 };
const highest = 2.5;

const svg = (name, attributes, text = '') => {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.textContent = text;
  return node;
};

export class LossChart {
  #steps;
  #train = [];
  #test = [];
  #lines;

  /** @param {SVGElement} target  @param {number} steps of the whole run */
  constructor(target, steps) {
    this.#steps = steps;
    target.setAttribute('viewBox', `0 0 ${width} ${height}`);
    for (let loss = 0; loss <= highest; loss += 0.5) {
      const y = this.#y(loss);
      target.append(
        svg('line', { class: 'grid', x1: margin.left, x2: width - margin.right, y1: y, y2: y }),
        svg('text', { class: 'axis', x: margin.left - 8, y: y + 4, 'text-anchor': 'end' }, loss.toFixed(1)),
      );
    }
    for (let part = 0; part <= 4; part++) {
      const step = Math.round((steps * part) / 4);
      target.append(
        svg(
          'text',
          { class: 'axis', x: this.#x(step), y: height - 8, 'text-anchor': 'middle' },
          String(step),
        ),
      );
    }
    this.#lines = ['train', 'test'].map((name) => target.appendChild(svg('path', { class: `line ${name}` })));
  }

  addTrain(step, loss) {
    this.#train.push([step, loss]);
    this.#draw();
  }

  addTest(step, loss) {
    this.#test.push([step, loss]);
    this.#draw();
  }

  #draw() {
    const [train, test] = this.#lines;
    train.setAttribute('d', this.#path(this.#train));
    test.setAttribute('d', this.#path(this.#test));
  }

  #path(points) {
    return points
      .map(([step, loss], k) => `${k ? 'L' : 'M'}${this.#x(step).toFixed(1)},${this.#y(loss).toFixed(1)}`)
      .join('');
  }

  #x(step) {
    return margin.left + (step / this.#steps) * (width - margin.left - margin.right);
  }

  #y(loss) {
    return margin.top + (1 - Math.min(loss, highest) / highest) * (height - margin.top - margin.bottom);
  }
}
