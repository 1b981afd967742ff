/** Where one draws: with mouse, touch, pen, or the arrow keys. */
import { SIDE, type Grey } from './digit.ts';
import { greyOfContext } from './picture.ts';

/** Of the canvas, in its own pixels. */
const SIZE = 280;
const CELL = SIZE / SIDE;
/** As thick, beside a digit of 200 pixels, as MNIST's pens were. */
const BRUSH = 24;

interface Point {
  readonly x: number;
  readonly y: number;
}

export interface PadEvents {
  /** Something was drawn. */
  readonly onInk: () => void;
  /** Enter. */
  readonly onDone: () => void;
  /** Delete or Backspace. */
  readonly onClear: () => void;
  /** What a keyboard did, in words. */
  readonly onSay: (text: string) => void;
}

export class Pad {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #cursor: HTMLElement;
  readonly #events: PadEvents;
  #last: Point | undefined;
  /** Of the keyboard's pen: column and row. */
  #cell = { column: SIDE / 2, row: SIDE / 2 };
  #penDown = false;

  constructor(canvas: HTMLCanvasElement, cursor: HTMLElement, events: PadEvents) {
    [this.#canvas, this.#cursor, this.#events] = [canvas, cursor, events];
    canvas.width = canvas.height = SIZE;
    this.#context = canvas.getContext('2d', { willReadFrequently: true })!;
    this.clear();
    canvas.addEventListener('pointerdown', (event) => this.#down(event));
    canvas.addEventListener('pointermove', (event) => this.#move(event));
    for (const name of ['pointerup', 'pointercancel'] as const)
      canvas.addEventListener(name, () => (this.#last = undefined));
    canvas.addEventListener('keydown', (event) => this.#key(event));
    canvas.addEventListener('blur', () => this.#lift());
  }

  /** White ink on black, whatever the page's colours are. */
  get picture(): Grey {
    return greyOfContext(this.#context);
  }

  clear(): void {
    this.#context.fillStyle = '#000';
    this.#context.fillRect(0, 0, SIZE, SIZE);
    this.#lift();
  }

  /** Shows a digit of SIDE x SIDE in place of what was drawn. */
  show(pixels: Uint8Array): void {
    this.clear();
    for (const [i, value] of pixels.entries()) {
      if (value === 0) continue;
      this.#context.fillStyle = `rgb(${value} ${value} ${value})`;
      this.#context.fillRect((i % SIDE) * CELL, Math.floor(i / SIDE) * CELL, CELL, CELL);
    }
  }

  #down(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#last = this.#place(event);
    this.#line(this.#last, this.#last);
    this.#events.onInk();
  }

  #move(event: PointerEvent): void {
    if (this.#last === undefined) return;
    // A pen moves more often than a frame is shown.
    const passed = event.getCoalescedEvents();
    for (const each of passed.length > 0 ? passed : [event]) {
      const place = this.#place(each);
      this.#line(this.#last, place);
      this.#last = place;
    }
  }

  #place(event: PointerEvent): Point {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    return { x: ((event.clientX - left) / width) * SIZE, y: ((event.clientY - top) / height) * SIZE };
  }

  #line(from: Point, to: Point): void {
    const context = this.#context;
    context.strokeStyle = '#fff';
    context.lineWidth = BRUSH;
    context.lineCap = context.lineJoin = 'round';
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const step = event.shiftKey ? 4 : 1;
    const moves: Readonly<Record<string, readonly [number, number]>> = {
      ArrowLeft: [-step, 0],
      ArrowRight: [step, 0],
      ArrowUp: [0, -step],
      ArrowDown: [0, step],
    };
    const move = moves[event.key];
    if (move !== undefined) this.#step(...move);
    else if (event.key === ' ') this.#toggle(event.repeat);
    else if (event.key === 'Enter') this.#events.onDone();
    else if (event.key === 'Delete' || event.key === 'Backspace') this.#events.onClear();
    else return;
    event.preventDefault();
  }

  #step(columns: number, rows: number): void {
    const inside = (value: number): number => Math.min(SIDE - 1, Math.max(0, value));
    const before = this.#middle();
    this.#cell = { column: inside(this.#cell.column + columns), row: inside(this.#cell.row + rows) };
    if (this.#penDown) this.#line(before, this.#middle());
    this.#showCursor();
    const { column, row } = this.#cell;
    this.#events.onSay(`${this.#penDown ? 'drawing, ' : ''}column ${column + 1}, row ${row + 1}`);
  }

  #toggle(isHeld: boolean): void {
    if (isHeld) return;
    this.#penDown = !this.#penDown;
    if (this.#penDown) {
      this.#line(this.#middle(), this.#middle());
      this.#events.onInk();
    }
    this.#showCursor();
    this.#events.onSay(this.#penDown ? 'pen down' : 'pen up');
  }

  #lift(): void {
    this.#penDown = false;
    this.#showCursor();
  }

  #middle(): Point {
    return { x: (this.#cell.column + 0.5) * CELL, y: (this.#cell.row + 0.5) * CELL };
  }

  #showCursor(): void {
    const { x, y } = this.#middle();
    this.#cursor.style.left = `${(100 * x) / SIZE}%`;
    this.#cursor.style.top = `${(100 * y) / SIZE}%`;
    this.#cursor.classList.toggle('down', this.#penDown);
  }
}
