// Matrix product over Z_{2^64} on byte planes.
requires packed_4x8_integer_dot_product;

//#include "shared/gemmOperands.wgsl"
//#include "shared/byteTile.wgsl"
