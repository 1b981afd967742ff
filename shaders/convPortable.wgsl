// Convolution over Z_{2^64} and its gradients, on u32 pairs.

//#include "shared/convOperands.wgsl"
//#include "shared/portableTile.wgsl"
