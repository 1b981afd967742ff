// Convolution over Z_{2^64} and its gradients, on byte planes.
requires packed_4x8_integer_dot_product;

//#include "shared/convOperands.wgsl"
//#include "shared/byteTile.wgsl"
