/** A picture that a person drops or chooses, decoded by the browser and never sent anywhere. */
import { Problem } from 'securenn/client';
import type { Grey } from './digit.ts';

const MOST_BYTES = 30_000_000;
/** Larger pictures are made smaller as they are decoded: a digit needs no more. */
const MOST_PIXELS = 560;
const SIDES_AT_MOST = 20_000;

export async function greyOf(file: File): Promise<Grey> {
  if (!['image/png', 'image/jpeg'].includes(file.type))
    throw new Problem('that file is no PNG or JPEG picture', 'choose a picture whose name ends in .png or .jpg');
  if (file.size > MOST_BYTES) throw new Problem('that picture has more than 30 MB', 'choose a smaller one');
  const bitmap = await createImageBitmap(file).catch((cause: unknown) => {
    throw new Problem('the browser cannot read that picture', 'it may be damaged: choose another one', { cause });
  });
  try {
    const { width, height } = bitmap;
    if (Math.max(width, height) > SIDES_AT_MOST) throw new Problem('that picture is too large', 'choose a smaller one');
    const scale = Math.min(1, MOST_PIXELS / Math.max(width, height));
    // What is transparent is paper: white first, and black where white ink was drawn on nothing.
    const onWhite = pixelsOn('#fff', bitmap, scale);
    return isBlank(onWhite) ? pixelsOn('#000', bitmap, scale) : onWhite;
  } finally {
    bitmap.close();
  }
}

function pixelsOn(paper: string, bitmap: ImageBitmap, scale: number): Grey {
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
  const context = contextOf(width, height);
  context.fillStyle = paper;
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, width, height);
  return greyOfContext(context);
}

function contextOf(width: number, height: number): CanvasRenderingContext2D {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [width, height];
  return canvas.getContext('2d', { willReadFrequently: true })!;
}

/** Luma, as JPEG and most programs take it. */
export function greyOfContext(context: CanvasRenderingContext2D): Grey {
  const { width, height } = context.canvas;
  const { data } = context.getImageData(0, 0, width, height);
  const values = new Uint8Array(width * height);
  for (let i = 0; i < values.length; i++)
    values[i] = Math.round(0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]);
  return { width, height, values };
}

function isBlank({ values }: Grey): boolean {
  return values.every((value) => value === values[0]);
}
