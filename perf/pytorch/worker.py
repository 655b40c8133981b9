"""Runs the benchmarks' operations in PyTorch: worker.py THREADS cpu|cuda:N fp32|tf32|bf16|fp16. Ends at once where PyTorch or the GPU is
missing. Protocol: one JSON request per line on stdin, one JSON answer per line on stdout.

{"op": ..., sizes}  prepares an operation   -> {}
{"run": n}          runs it n times         -> {"ms": [...]}
{"peak": true}      peak memory             -> {"bytes": ...} since the preparation, less what was there before (resident, or the GPU's)
"""
import json
import sys
import time

try:
    import torch
except ImportError:
    sys.exit(1)

import torch.nn.functional as F

from networks import TrainingStep, Prediction

torch.set_num_threads(int(sys.argv[1]))
torch.manual_seed(1)
device, precision = sys.argv[2], sys.argv[3]
on_gpu = device != "cpu"
dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision, torch.float32)
if on_gpu:
    if not torch.cuda.is_available():
        sys.exit(1)
    torch.set_default_device(device)
    torch.backends.cudnn.benchmark = True  # as nnU-Net sets it
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"


def resident(key):
    with open("/proc/self/status") as f:
        for line in f:
            if line.startswith(key):
                return int(line.split()[1]) * 1024
    return 0


def reset_peak():
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
        return
    try:
        with open("/proc/self/clear_refs", "w") as f:
            f.write("5")
    except OSError:
        pass


def memory(peak):
    if on_gpu:
        return torch.cuda.max_memory_allocated() if peak else torch.cuda.memory_allocated()
    return resident("VmHWM" if peak else "VmRSS")


def run(operation):
    """Milliseconds of one run, to the end of what it started on the GPU; networks in mixed precision where 16 bits are asked for."""
    start = time.perf_counter()
    if dtype == torch.float32:
        operation()
    else:
        with torch.autocast("cuda", dtype):
            operation()
    if on_gpu:
        torch.cuda.synchronize()
    return 1e3 * (time.perf_counter() - start)


def rotate(make, bytes_each):
    """Several copies of the operands beyond the cores' caches, used in turn."""
    copies = [make() for _ in range(max(1, min(8, int(2 + 8e6 // bytes_each))))]
    state = {"i": 0}

    def following():
        state["i"] = (state["i"] + 1) % len(copies)
        return copies[state["i"]]

    return following


def conv(r):
    n, cin, cout = r["n"], r["cin"], r["cout"]
    size, kernel, stride = r["size"], r["kernel"], r["stride"]
    pad = [(k - 1) // 2 for k in kernel]
    w = (torch.randn(cout, cin, *kernel) * 0.05).to(dtype)
    b = torch.randn(cout, dtype=dtype)
    out = [(s + 2 * p - k) // t + 1 for s, p, k, t in zip(size, pad, kernel, stride)]
    operands = rotate(
        lambda: (torch.randn(n, cin, *size, dtype=dtype), torch.randn(n, cout, *out, dtype=dtype)), 4 * n * cin * size[0] * size[1] * size[2])

    def backward(which):
        x, dy = operands()
        torch.ops.aten.convolution_backward(dy, x, w, [cout], stride, pad, [1, 1, 1], False, [0, 0, 0], 1, which)

    return {
        "forward": lambda: F.conv3d(operands()[0], w, b, stride, pad),
        "backward data": lambda: backward([True, False, False]),
        "backward weights": lambda: backward([False, True, True]),
    }[r["pass"]]


def transposed(r):
    n, cin, cout, size, stride = r["n"], r["cin"], r["cout"], r["size"], r["stride"]
    w = (torch.randn(cin, cout, *stride) * 0.05).to(dtype)
    b = torch.randn(cout, dtype=dtype)
    out = [s * t for s, t in zip(size, stride)]
    operands = rotate(
        lambda: (torch.randn(n, cin, *size, dtype=dtype), torch.randn(n, cout, *out, dtype=dtype)), 4 * n * cout * out[0] * out[1] * out[2])

    def backward(which):
        x, dy = operands()
        torch.ops.aten.convolution_backward(dy, x, w, [cout], stride, [0, 0, 0], [1, 1, 1], True, [0, 0, 0], 1, which)

    return {
        "forward": lambda: F.conv_transpose3d(operands()[0], w, b, stride),
        "backward data": lambda: backward([True, False, False]),
        "backward weights": lambda: backward([False, True, True]),
    }[r["pass"]]


def norm(r):
    n, c, size = r["n"], r["c"], r["size"]
    gamma, beta = torch.ones(c, requires_grad=True), torch.zeros(c, requires_grad=True)
    operands = rotate(
        lambda: (torch.randn(n, c, *size, requires_grad=True), torch.randn(n, c, *size)), 4 * n * c * size[0] * size[1] * size[2])

    def forward():
        x, dy = operands()
        return x, dy, F.leaky_relu(F.instance_norm(x, weight=gamma, bias=beta, eps=1e-5), 0.01)

    def forward_only():
        with torch.no_grad():
            forward()

    def both():
        x, dy, y = forward()
        torch.autograd.grad(y, [x, gamma, beta], dy)

    return {"forward": forward_only, "forward + backward": both}[r["pass"]]


def pointwise(r):
    length = r["length"]
    operands = rotate(lambda: [torch.randn(length) for _ in range(3)], 4 * length)

    def sgd():
        theta, g, v = operands()
        g.add_(theta, alpha=3e-5)
        v.mul_(0.99).add_(g)
        theta.add_(g.add(v, alpha=0.99), alpha=-1e-3)

    def axpby():
        x, y, _ = operands()
        y.add_(x, alpha=0.5)

    return {"sgd": sgd, "add": axpby, "sum of squares": lambda: operands()[0].square().sum().item()}[r["pass"]]


def zoom(r):
    """nnU-Net's resampling: skimage.transform.resize calls scipy.ndimage.zoom; labels go one mask at a time."""
    import numpy
    from scipy import ndimage
    size, to, order = r["size"], r["to"], r["order"]
    factors = [b / a for a, b in zip(size, to)]
    image = numpy.random.rand(*size).astype(numpy.float32)
    labels = (numpy.arange(image.size).reshape(size) // 7919) % r["labels"]

    def resize(x):
        return ndimage.zoom(x, factors, order=order, mode="nearest", grid_mode=True)

    def resize_labels():
        result = numpy.zeros(to, numpy.int16)
        for label in range(r["labels"]):
            result[resize((labels == label).astype(numpy.float64)) >= 0.5] = label
        return result

    return {"zoom": lambda: resize(image), "zoom labels": resize_labels}[r["kind"]]


def augment(r):
    """batchgenerators' transforms: scipy's interpolation of the image, and of the labels one mask at a time."""
    import numpy
    from scipy import ndimage
    size, initial = r["size"], r["initial"]
    image = numpy.random.rand(*initial).astype(numpy.float32)
    labels = (numpy.arange(image.size).reshape(initial) // 7919) % r["labels"]
    patch = numpy.random.rand(*size).astype(numpy.float32)
    angle = 0.3
    matrix = 1.1 * numpy.array([[1, 0, 0], [0, numpy.cos(angle), -numpy.sin(angle)], [0, numpy.sin(angle), numpy.cos(angle)]])

    def sample(order, offsets):
        grid = numpy.stack(numpy.meshgrid(*[numpy.arange(s) - (s - 1) / 2 for s in size], indexing="ij"))
        if offsets is not None:
            grid = grid + offsets
        positions = numpy.tensordot(matrix, grid, 1) + (numpy.array(initial).reshape(3, 1, 1, 1) - 1) / 2
        values = ndimage.map_coordinates(image, positions, order=order)
        result = numpy.zeros(size, numpy.int16)
        for label in range(1, r["labels"]):
            result[ndimage.map_coordinates((labels == label).astype(numpy.float32), positions, order=1) >= 0.5] = label
        return values, result

    def elastic():
        return sample(3, numpy.stack([500 * ndimage.gaussian_filter(numpy.random.rand(*size) * 2 - 1, 10, mode="constant") for _ in range(3)]))

    return {
        "rotate": lambda: sample(1, None),
        "elastic": elastic,
        "blur": lambda: ndimage.gaussian_filter(patch, r["sigma"], mode="mirror", truncate=3),
    }[r["kind"]]


operation = None
before = 0
makers = {"augment": augment, "zoom": zoom, "conv": conv, "transposed": transposed, "norm": norm, "pointwise": pointwise, "step": TrainingStep, "predict": Prediction}
print(torch.__version__, flush=True)
for line in sys.stdin:
    request = json.loads(line)
    if "op" in request:
        operation = None
        reset_peak()
        before = memory(peak=False)
        operation = makers[request["op"]](request)
        print("{}", flush=True)
    elif "run" in request:
        times = [run(operation) for _ in range(request["run"])]
        print(json.dumps({"ms": times}), flush=True)
    else:
        print(json.dumps({"bytes": memory(peak=True) - before}), flush=True)
