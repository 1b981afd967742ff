// An operand of a convolution in byte planes, for subgroup matrices.
requires packed_4x8_integer_dot_product;

//#include "shared/convOperands.wgsl"
//#include "shared/planes.wgsl"
