# SPDX-License-Identifier: Apache-2.0
"""Samples of dataset families, and what is expected of each.

tests/make_data.py writes them beside its own, tests/check-layouts.py compares.  A sample is a
function that fills a file, under @family(layout, ...), with

  episodes  how many (1)
  streams   {name: clock} of the first one, all of them; a clock is "" (none), "20 Hz" or
            "<unit> <path of the stamps>"
  kinds     {name: kind} of those that are not plain numbers
  roles     {name: role} of those that are no observations
  says      words of the reason why the layout was chosen
  notes     codes that must be among the notes
  finds     codes that must be among the problems of the report
  ledger    {key: value} of conventions
  language, success, rows: of the first episode; rows is {name: rows}
  ranges    (first row, rows) of each episode
  fails     words of the error that a conversion with `rate` ends with
  rate      what to convert with, "" for step for step, None for not at all
  reason    instead of all this: the code with which it is refused
"""
import json

import h5py
import numpy as np

FAMILIES = []


def family(layout, **expect):
    def add(f):
        f.expect = dict(layout=layout, **expect)
        FAMILIES.append(f)
        return f
    return add


def ramp(n, width, dtype="f4"):
    return (np.arange(n * width, dtype="f8").reshape(n, width) / 8).astype(dtype)


def unit_quats(n):
    q = np.random.default_rng(11).normal(size=(n, 4))
    return (q / np.linalg.norm(q, axis=1, keepdims=True)).astype("f4")


def poses(n):
    return np.hstack([ramp(n, 3), unit_quats(n)])


def frames(n, h=12, w=16):
    return np.random.default_rng(5).integers(0, 256, (n, h, w, 3), dtype="u1")


def beside(f, content):
    with open(f.filename.rsplit(".", 1)[0] + ".json", "w") as out:
        json.dump(content, out)


def source_rows(f, s):
    """The rows of a stream that `inspect --json` lists, from the file itself."""
    group, _, member = s["path"].rpartition("/")
    if s["path"] in f:
        x = f[s["path"]][()]
    else:  # a member of the records of a table
        x = f[group][member]
    first, shape = s["first_row"], s["shape"]
    if first == 0 and x.ndim == 2 and list(x.shape) != shape and list(x.T.shape) == shape:
        x = x.T  # time runs along the last axis
    return x[first:first + s["shape"][0]]


# --- DROID ------------------------------------------------------------------------------------


def droid(f, n=30):
    f.attrs["success"] = True
    f.attrs["failure"] = False
    f.attrs["current_task"] = "put the marker in the pot"
    f.attrs["building"] = "lab"
    t0 = 1_690_000_000_000
    step = t0 + np.arange(n) * 67

    def put(path, rows):  # one row a chunk, as the recorder appends them
        f.create_dataset(path, data=rows, chunks=(1,) + rows.shape[1:],
                         maxshape=(None,) + rows.shape[1:])
    times = "observation/timestamp/"
    for name, late in (("step_start", 0), ("policy_start", 3), ("sleep_start", 9),
                       ("control_start", 60), ("step_end", 66)):
        put(times + "control/" + name, step + late)
    for name, late in (("read_start", 1), ("read_end", 2)):
        put(times + "robot_state/" + name, step + late)
    for serial in ("14013996", "29838012", "24400334"):
        for name, late in (("read_start", 4), ("read_end", 8), ("frame_received", 20),
                           ("estimated_capture", 15)):
            put(f"{times}cameras/{serial}_{name}", step + late + int(serial) % 7)
        put(f"observation/camera_extrinsics/{serial}_left", ramp(n, 6, "f8"))
        put(f"observation/camera_type/{serial}", np.full(n, int(serial == "14013996") ^ 1))
    put(times + "skip_action", np.zeros(n, "?"))
    state = "observation/robot_state/"
    put(state + "cartesian_position", ramp(n, 6, "f8"))
    put(state + "joint_positions", ramp(n, 7, "f8"))
    put(state + "gripper_position", np.arange(n) / n)
    put("observation/controller_info/movement_enabled", np.ones(n, "?"))
    for name, width in (("cartesian_position", 6), ("joint_velocity", 7)):
        put("action/" + name, ramp(n, width, "f8"))
    put("action/gripper_position", np.arange(n) / n)
    put("action/robot_state/joint_positions", ramp(n, 7, "f8"))


DROID = "ms /observation/timestamp/"
DROID_STREAMS = {
    "skip_action": DROID + "control/step_start",
    "cartesian_position": DROID + "robot_state/read_start",
    "joint_positions": DROID + "robot_state/read_start",
    "gripper_position": DROID + "robot_state/read_start",
    "controller_info/movement_enabled": DROID + "control/step_start",
    "action/cartesian_position": DROID + "control/control_start",
    "action/joint_velocity": DROID + "control/control_start",
    "action/gripper_position": DROID + "control/control_start",
    "action/robot_state/joint_positions": DROID + "control/control_start",
}
for s in ("14013996", "29838012", "24400334"):
    DROID_STREAMS[f"camera_extrinsics/{s}_left"] = DROID + f"cameras/{s}_estimated_capture"
    DROID_STREAMS[f"camera_type/{s}"] = DROID + f"cameras/{s}_estimated_capture"
DROID_ROLES = {f"action/{n}": "action"
               for n in ("cartesian_position", "joint_velocity", "gripper_position")}


@family("droid", streams=DROID_STREAMS, roles=DROID_ROLES, says="clocks in", success=True,
        language="put the marker in the pot", rate="10", ledger={"euler_angles": "extrinsic xyz"})
def droid_raw(f):
    droid(f)


@family("droid", roles=DROID_ROLES, says="with images", rate="10", success=True,
        kinds={"hand_left_image": "image", "varied_1_left_image": "image",
               "varied_2_left_image": "image"},
        streams=dict(DROID_STREAMS, **{
            "hand_left_image": DROID + "cameras/14013996_estimated_capture",
            "varied_1_left_image": DROID + "cameras/24400334_estimated_capture",
            "varied_2_left_image": DROID + "cameras/29838012_estimated_capture"}))
def droid_im128(f):
    droid(f)
    for name in ("hand", "varied_1", "varied_2"):
        f.create_dataset(f"observation/camera/image/{name}_left_image", data=frames(30),
                         compression="gzip")


@family("droid", says="no clocks", rate="", notes=["usual_rate"],
        streams={"joint_positions": "", "action/joint_velocity": ""},
        roles={"action/joint_velocity": "action"})
def droid_without_clocks(f):
    f["observation/robot_state/joint_positions"] = ramp(9, 7)
    f["action/joint_velocity"] = ramp(9, 7)


@family("generic", reason="unknown_layout")
def droid_skeleton(f):
    f.create_group("observation/robot_state")
    f.create_group("action")


@family("droid", rate=None, notes=["clock_length"], streams={
    "joint_positions": "", "cartesian_position": DROID + "robot_state/read_start",
    "action/joint_velocity": DROID + "control/control_start"},
    roles={"action/joint_velocity": "action"})
def droid_unequal(f):
    f["observation/robot_state/joint_positions"] = ramp(8, 7)
    f["observation/robot_state/cartesian_position"] = ramp(9, 6)
    f["action/joint_velocity"] = ramp(9, 7)
    f["observation/timestamp/robot_state/read_start"] = 1_690_000_000_000 + np.arange(9) * 67
    f["observation/timestamp/control/control_start"] = 1_690_000_000_050 + np.arange(9) * 67


# --- ManiSkill --------------------------------------------------------------------------------


def maniskill(f, flat, t=12, n=3):
    for i in range(n):
        g = f.create_group(f"traj_{i}", track_order=True)
        if flat:
            g["obs"] = ramp(t + 1, 42)
        else:
            g["obs/agent/qpos"] = ramp(t + 1, 9)
            g["obs/extra/tcp_pose"] = poses(t + 1)
            g.create_dataset("obs/sensor_data/base_camera/rgb", data=frames(t + 1),
                             compression="gzip", compression_opts=5)
            g.create_dataset("obs/sensor_data/base_camera/depth", compression="gzip",
                             data=np.ones((t + 1, 12, 16, 1), "i2"))
        g["actions"] = ramp(t, 8)
        for name in ("terminated", "truncated", "success", "fail"):
            g[name] = np.arange(t) == t - 1
        g["rewards"] = ramp(t, 1)[:, 0]
        g["env_states/actors/cube"] = ramp(t + 1, 13)


MANISKILL_ROLES = {"actions": "action", "rewards": "reward", "dones": "done"}


@family("maniskill", episodes=3, roles=MANISKILL_ROLES, says="a JSON file beside it",
        success=True, language="push the cube", rate="10",
        streams={n: "20 Hz" for n in ("obs", "actions", "dones", "truncated", "success", "fail",
                                      "rewards", "env_states/actors/cube")},
        rows={"obs": 13, "actions": 12, "env_states/actors/cube": 13},
        notes=["length_mismatch"])
def maniskill_flat(f):
    maniskill(f, True)
    beside(f, {"env_info": {"env_id": "PushCube-v1", "max_episode_steps": 50,
                            "env_kwargs": {"sim_config": {"control_freq": 20}}},
               "episodes": [{"episode_id": i, "episode_seed": i, "success": i == 0,
                             "elapsed_steps": 12, "language_instruction": "push the cube"}
                            for i in range(3)]})


@family("maniskill", episodes=1, roles=MANISKILL_ROLES, says="no JSON file", rate="",
        streams={n: "" for n in ("agent/qpos", "extra/tcp_pose", "base_camera_rgb",
                                 "base_camera_depth", "actions", "dones", "truncated", "success",
                                 "fail", "rewards", "env_states/actors/cube")},
        kinds={"extra/tcp_pose": "pose", "base_camera_rgb": "image", "base_camera_depth": "image"},
        notes=["usual_rate", "quaternion_order_assumed"], ledger={"quaternion_order": "wxyz"})
def maniskill_nested(f):
    maniskill(f, False, n=1)


@family("maniskill", episodes=1, roles=MANISKILL_ROLES, says="no JSON file", rate="",
        notes=["bad_sidecar"])
def maniskill_broken_json(f):
    maniskill(f, True, n=1)
    with open(f.filename.rsplit(".", 1)[0] + ".json", "w") as out:
        out.write('{"env_info": {"env_kwargs": ')


@family("generic", reason="unknown_layout")
def maniskill_skeleton(f):
    f.create_group("traj_0/obs")


# --- RoboMIND 1 -------------------------------------------------------------------------------


@family("robomind", says="'observations/rgb_images'", rate="", notes=["usual_rate"],
        streams={"joint_position_left": "", "end_effector_left": "",
                 "action/joint_position_left": "", "camera_front": ""},
        roles={"action/joint_position_left": "action"}, kinds={"camera_front": "image"})
def robomind_real(f):
    for arm in ("master", "puppet"):
        f[f"{arm}/joint_position_left"] = ramp(40, 7, "f8")
    f["puppet/end_effector_left"] = ramp(40, 6, "f8")
    f["observations/rgb_images/camera_front"] = frames(40)


@family("robomind", says="'sim_time_seq'", rate="20", notes=["clock_spread"],
        kinds={"camera_front": "image", "camera_front_depth": "image", "end_effector": "pose"},
        rows={"end_effector": 448, "camera_front": 108, "camera_front_depth": 110},
        ledger={"quaternion_order": "xyzw"},
        streams={"end_effector": "104.93 Hz", "joint_position": "104.93 Hz",
                 "camera_front": "25.1174 Hz", "camera_front_depth": "25.5869 Hz"})
def robomind_sim(f):
    f["franka/end_effector"] = poses(448).astype("f8")
    f["franka/joint_position"] = ramp(448, 7, "f8")
    f["observations/rgb_images/camera_front"] = frames(108)
    f["observations/depth_images/camera_front"] = np.ones((110, 12, 16), "u2")
    f["sim_time_seq"] = 0.5 + np.arange(427) / 100


@family("generic", reason="unknown_layout")
def robomind_skeleton(f):
    f.create_group("puppet")
    f.create_group("observations/rgb_images")


# --- RoboMIND 2.0 -----------------------------------------------------------------------------


def triple(f, path, data, stamps):
    f[path + "/data"] = data
    f[path + "/timestamp"] = stamps
    f[path + "/is_intervene"] = np.zeros(len(stamps), "?")


def robomind2(f, stamps):
    n = len(stamps)
    for arm in ("puppet", "master"):
        triple(f, arm + "/arm_left_position_align", ramp(n, 7, "f8"), stamps)
        triple(f, arm + "/end_effector_left_position_align", np.arange(n) / n, stamps)
    triple(f, "puppet/end_effector_left_pose_align", poses(n).astype("f8"), stamps)
    f["camera_observations/color_images/camera_top"] = frames(n)
    f["camera_observations/timestamp"] = stamps
    f["camera_observations/is_intervene"] = np.zeros(n, "?")
    f["camera_observations/camera_color_resolution/camera_top"] = [12, 16]


def robomind2_streams(unit, *more):
    found = {"camera_top": unit + " /camera_observations/timestamp",
             "is_intervene/camera": unit + " /camera_observations/timestamp"}
    for arm, prefix, name in (("puppet", "", "arm_left_position"),
                              ("puppet", "", "end_effector_left_position"),
                              ("puppet", "", "end_effector_left_pose"),
                              ("master", "action/", "arm_left_position"),
                              ("master", "action/", "end_effector_left_position")):
        clock = f"{unit} /{arm}/{name}_align/timestamp"
        found[prefix + name] = clock
        found[f"is_intervene/{arm}/{name}_align"] = clock
    for name in more:
        found[name] = f"{unit} /puppet/{name}/timestamp"
        found["is_intervene/puppet/" + name] = found[name]
    return found


ROBOMIND2_ROLES = {"action/arm_left_position": "action",
                   "action/end_effector_left_position": "action"}


@family("robomind2", streams=robomind2_streams("s"), roles=ROBOMIND2_ROLES, rate="10",
        kinds={"camera_top": "image", "end_effector_left_pose": "pose"}, says="_align",
        notes=["quaternion_order_assumed"])
def robomind2_real(f):
    robomind2(f, 1_735_000_000 + np.arange(90) // 30)


@family("robomind2", streams=robomind2_streams("ms", "arm_left_position_raw"), rate="10",
        roles=ROBOMIND2_ROLES, language="stack the cups",
        kinds={"camera_top": "image", "end_effector_left_pose": "pose"},
        rows={"arm_left_position_raw": 160, "action/arm_left_position": 80})
def robomind2_sim(f):
    robomind2(f, 1_735_000_000_000 + np.arange(80) * 33)
    triple(f, "puppet/arm_left_position_raw", ramp(160, 7, "f8"),
           1_735_000_000_000 + np.arange(160) * 16)
    f["metadata/language_instruction"] = "stack the cups"


@family("generic", reason="unknown_layout")
def robomind2_skeleton(f):
    for name in ("puppet/arm_left_position_align", "master/arm_left_position_align",
                 "camera_observations/color_images"):
        f.create_group(name)


@family("robomind2", rate=None, says="_align", roles={"action/arm_left_position": "action"},
        streams={"arm_left_position": "ms /puppet/arm_left_position_align/timestamp",
                 "action/arm_left_position": "ms /master/arm_left_position_align/timestamp"})
def robomind2_backwards(f):
    stamps = 1_735_000_000_000 + np.arange(80) * 33
    stamps[50:] -= 2600
    for arm in ("puppet", "master"):
        f[arm + "/arm_left_position_align/data"] = ramp(80, 7)
        f[arm + "/arm_left_position_align/timestamp"] = stamps


# --- AgiBot World -----------------------------------------------------------------------------


@family("agibot", says="'state/joint'", rate="20", notes=["empty_stream"],
        streams={n: "ns /timestamp" for n in (
            "state/joint/position", "state/end/position", "state/end/orientation",
            "state/effector/position", "action/joint/position")},
        kinds={"state/end/orientation": "quaternion_list"}, ledger={"quaternion_order": "xyzw"},
        roles={"action/joint/position": "action"})
def agibot_world(f):
    n = 60
    f["timestamp"] = 1_720_000_000_000_000_000 + np.arange(n) * 33_333_333
    f["state/joint/position"] = ramp(n, 14, "f8")
    f["state/end/position"] = ramp(n, 6, "f8").reshape(n, 2, 3)
    f["state/end/orientation"] = np.stack([unit_quats(n), unit_quats(n)], axis=1)
    f["state/effector/position"] = ramp(n, 2, "f8")
    f["state/robot/position"] = np.zeros((0, 3))
    f["state/waist/velocity"] = np.zeros((0,))
    f["action/joint/position"] = ramp(n, 14, "f8")
    f["action/joint/index"] = np.arange(n)
    f["action/effector/position"] = np.zeros((0, 2))
    f["action/effector/index"] = np.zeros((0,), "i8")


@family("agibot", rate="20", rows={"action/effector/position": 41},
        streams={n: "ns /timestamp" for n in ("state/joint/position", "action/effector/position",
                                              "action/joint/position")},
        roles={"action/joint/position": "action", "action/effector/position": "action"})
def agibot_rows(f):
    """Actions that came less often than states, with the numbers of their stamps."""
    n = 6000
    f["timestamp"] = 1_720_000_000_000_000_000 + np.arange(n) * 1_000_000
    f["state/joint/position"] = ramp(n, 14, "f8")
    rows = np.concatenate([np.arange(5, 9), np.arange(20, 5700, 160), [5999]])
    f["action/effector/position"] = ramp(len(rows), 2, "f8")
    f["action/effector/index"] = rows
    most = np.delete(np.arange(n), [3, 4400])
    f.create_dataset("action/joint/position", data=ramp(len(most), 14, "f8"), chunks=(100, 14))
    f.create_dataset("action/joint/index", data=most.astype("i4"), chunks=(100,))


@family("agibot", rate="20", fails="row numbers in '/action/joint/index' do not rise",
        streams={n: "ns /timestamp" for n in ("state/joint/position", "action/joint/position")},
        roles={"action/joint/position": "action"})
def agibot_rows_back(f):
    f["timestamp"] = 1_720_000_000_000_000_000 + np.arange(20) * 33_333_333
    f["state/joint/position"] = ramp(20, 14)
    f["action/joint/position"] = ramp(5, 14)
    f["action/joint/index"] = [1, 4, 4, 9, 12]


@family("agibot", rate=None, notes=["bad_clock", "clock_length"],
        streams={"state/joint/position": "ns /timestamp", "action/joint/position": ""},
        roles={"action/joint/position": "action"})
def agibot_unequal(f):
    f["timestamp"] = 1_720_000_000_000_000_000 + np.arange(20) * 33_333_333
    f["state/joint/position"] = ramp(20, 14)
    f["action/joint/position"] = ramp(12, 14)
    f["action/joint/index"] = np.arange(10, 22)


@family("agibot", rate="", notes=["clock_stands_still"],
        streams={"state/joint/position": "s /timestamp", "action/joint/position": "s /timestamp"},
        roles={"action/joint/position": "action"})
def agibot_float32_epoch(f):
    f["timestamp"] = np.full(20, 1.72e9, "f4")
    f["state/joint/position"] = ramp(20, 34)
    f["action/joint/position"] = ramp(20, 34)


@family("generic", reason="unknown_layout")
def agibot_skeleton(f):
    f["timestamp"] = np.arange(4)
    f.create_group("state/joint")
    f.create_group("action/joint")


# --- Fourier ActionNet ------------------------------------------------------------------------


@family("actionnet", says="robot", rate="30", ledger={"rotation": "6D"},
        streams={n: "s /timestamp" for n in ("robot", "hand", "pose", "action/robot",
                                             "action/hand", "action/pose")},
        roles={f"action/{n}": "action" for n in ("robot", "hand", "pose")})
def actionnet_episode(f):
    n = 60
    f["timestamp"] = 1.73e9 + np.arange(n) / 60
    for group in ("state", "action"):
        f[group + "/robot"] = ramp(n, 32)
        f[group + "/hand"] = ramp(n, 12)
        f[group + "/pose"] = ramp(n, 27)


@family("generic", reason="unknown_layout")
def actionnet_skeleton(f):
    f.create_group("state")
    f.create_group("action")


# --- RoboTwin ---------------------------------------------------------------------------------


@family("robotwin", says="'joint_action'", rate="", kinds={"left_endpose": "pose"},
        notes=["quaternion_order_assumed"], ledger={"quaternion_order": "wxyz"},
        streams={n: "" for n in ("action/left_arm", "action/vector", "left_endpose",
                                 "left_gripper", "head_camera_intrinsic_cv")},
        roles={"action/left_arm": "action", "action/vector": "action"})
def robotwin_older(f):
    n = 25
    f["joint_action/left_arm"] = ramp(n, 6, "f8")
    f["joint_action/vector"] = ramp(n, 14, "f8")
    f["endpose/left_endpose"] = poses(n).astype("f8")
    f["endpose/left_gripper"] = np.arange(n) / n
    f["observation/head_camera/intrinsic_cv"] = np.tile(np.eye(3), (n, 1, 1))


@family("robotwin", says="additional_info/frequency", rate="5", language="hand over the block",
        streams={n: "15 Hz" for n in ("left_arm/joint", "action/left_arm/joint")},
        roles={"action/left_arm/joint": "action"},
        ledger={"action": "state of the next step"})
def robotwin_exchange(f):
    f.attrs["source_format"] = "robotwin"
    f["additional_info/frequency"] = np.int32(15)
    f["instructions"] = json.dumps({"instruction": "hand over the block"})
    values = ramp(31, 6)
    f["state/left_arm/joint"] = values[:-1]
    f["action/left_arm/joint"] = values[1:]
    f["vision/head/intrinsic_matrix"] = np.eye(3)


@family("generic", reason="unknown_layout")
def robotwin_skeleton(f):
    f.create_group("joint_action")
    f.create_group("endpose")
