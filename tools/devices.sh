#!/bin/sh
# Runs the tests of whole training steps and Jacobians on the other software devices of this machine: the same figures within the same derived bounds
# on Mesa through OpenGL and on SwiftShader as on the default device. A device that is not there is skipped with a reason.
set -eu

cargo=${CARGO:-cargo}
: "${XDG_RUNTIME_DIR:=/tmp}"
export XDG_RUNTIME_DIR

adapters=$($cargo run --quiet -- adapters 2>/dev/null || true)
if printf '%s\n' "$adapters" | grep -q 'llvmpipe.*(gl, cpu)'; then
    echo "devices: Mesa through OpenGL"
    # An OpenGL context serves one thread at a time.
    FIELDLINE_ADAPTER=gl:llvmpipe RUST_TEST_THREADS=1 $cargo test --quiet --test program -- jacobian training
else
    echo "devices: skipped Mesa through OpenGL: no such adapter"
fi

swiftshader=/usr/lib/chromium/vk_swiftshader_icd.json
if [ -f "$swiftshader" ]; then
    echo "devices: SwiftShader"
    VK_DRIVER_FILES=$swiftshader VK_ICD_FILENAMES=$swiftshader FIELDLINE_ADAPTER=vulkan:swiftshader \
        $cargo test --quiet --test program -- jacobian training
else
    echo "devices: skipped SwiftShader: $swiftshader is not there (Debian: apt-get install chromium)"
fi
