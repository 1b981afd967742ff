// Operands of a convolution as a matrix product, read where they lie: no patch is ever stored. Tensors are channels-last (ConvShape in
// runtime/compute.ts). Rows, inner dimension and columns:
//   forward         windows, taps · channels, filters                 A patches of the image, B the filter
//   inputGradient   pixels of the image, taps · filters, channels     A patches of the output error, B the filter
//   weightGradient  taps · channels, windows, filters                 A patches of the image, transposed; B the output error

//#include "product.wgsl"

struct Shape {
  height: u32,
  width: u32,
  channels: u32,
  kernel_width: u32,
  filters: u32,
  stride: u32,
  padding: u32,
  out_height: u32,
  out_width: u32,
}

const FORWARD = 0u;
const INPUT_GRADIENT = 1u;
const WEIGHT_GRADIENT = 2u;

@group(0) @binding(7) var<uniform> shape: Shape;

override MAP: u32;

// The pixel below a tap of a window, at a channel; 0 in the padding. A coordinate left of the image wraps to a large u32.
fn patch_value(term: u32, window: u32, place: u32) -> Ring {
  let channel = place % shape.channels;
  let tap = place / shape.channels;
  let line = window / shape.out_width;
  let y = (line % shape.out_height) * shape.stride + tap / shape.kernel_width - shape.padding;
  let x = (window % shape.out_width) * shape.stride + tap % shape.kernel_width - shape.padding;
  if (y >= shape.height || x >= shape.width) {
    return Ring(0u, 0u);
  }
  let image = line / shape.out_height;
  return read_a(term, ((image * shape.height + y) * shape.width + x) * shape.channels + channel);
}

// The output error of the window that lays a tap over a pixel, at a filter; 0 where there is no such window.
fn error_value(term: u32, pixel: u32, place: u32) -> Ring {
  let filter_index = place % shape.filters;
  let tap = place / shape.filters;
  let line = pixel / shape.width;
  let y = line % shape.height + shape.padding;
  let x = pixel % shape.width + shape.padding;
  let tap_y = tap / shape.kernel_width;
  let tap_x = tap % shape.kernel_width;
  if (y < tap_y || x < tap_x) {
    return Ring(0u, 0u);
  }
  let out_y = (y - tap_y) / shape.stride;
  let out_x = (x - tap_x) / shape.stride;
  let between = (y - tap_y) % shape.stride != 0u || (x - tap_x) % shape.stride != 0u;
  if (between || out_y >= shape.out_height || out_x >= shape.out_width) {
    return Ring(0u, 0u);
  }
  let image = line / shape.height;
  return read_a(term, ((image * shape.out_height + out_y) * shape.out_width + out_x) * shape.filters + filter_index);
}

fn load_a(term: u32, row: u32, inner: u32) -> Ring {
  if (row >= job.m || inner >= job.k) {
    return Ring(0u, 0u);
  }
  if (MAP == INPUT_GRADIENT) {
    return error_value(term, row, inner);
  }
  if (MAP == WEIGHT_GRADIENT) {
    return patch_value(term, inner, row);
  }
  return patch_value(term, row, inner);
}

fn load_b(term: u32, inner: u32, column: u32) -> Ring {
  if (inner >= job.k || column >= job.n) {
    return Ring(0u, 0u);
  }
  if (MAP == INPUT_GRADIENT) {
    // The filter is stored (tap, channel, filter); here a row is (tap, filter) and a column a channel.
    let tap = inner / shape.filters;
    return read_b(term, (tap * shape.channels + column) * shape.filters + inner % shape.filters);
  }
  return read_b(term, inner * job.n + column);
}
