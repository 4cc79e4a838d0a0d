# SPDX-License-Identifier: Apache-2.0
"""More samples of families: see data_layouts.py."""
import json

import h5py
import numpy as np

from data_layouts import FAMILIES, family, frames, poses, ramp, unit_quats

__all__ = ["FAMILIES"]


# --- what layout keep writes ------------------------------------------------------------------


@family("keep", says="robocache wrote it", rate="20", language="stack the cups", success=True,
        streams={n: "ns /robocache/time" for n in ("joint_pos", "actions", "tool", "frames")},
        roles={"actions": "action"}, kinds={"tool": "quaternion", "frames": "image"},
        ledger={"quaternion_order": "wxyz"})
def keep_episode(f):
    n = 20
    f.attrs["robocache_layout"] = "keep"
    info = f.create_group("robocache/episode")
    info.attrs["language"] = "stack the cups"
    info.attrs["success"] = True
    f["robocache/time"] = np.arange(n) * 40_000_000
    f["robocache/time"].attrs["unit"] = "ns"
    for path, name, role, kind, rows in (
            ("arm/q", "joint_pos", "obs", "lowdim", ramp(n, 7)),
            ("arm/cmd", "actions", "action", "lowdim", ramp(n, 7)),
            ("arm/tool", "tool", "obs", "quaternion", unit_quats(n)),
            ("cam", "frames", "obs", "image", frames(n))):
        f[path] = rows
        for key, value in (("name", name), ("role", role), ("kind", kind)):
            f[path].attrs["robocache_" + key] = value
    f["arm/tool"].attrs["quaternion_order"] = "wxyz"


@family("keep", rate=None, roles={}, notes=["length_mismatch", "kind_does_not_fit"])
def keep_unequal(f):
    """Attributes that do not fit, unknown ones, two streams of one name."""
    f.attrs["robocache_layout"] = "keep"
    f["robocache/time"] = np.zeros((3, 2))
    for path, n, name, role, kind in (("a", 8, "x", "boss", "pose"), ("b", 8, "x", "", "shape"),
                                      ("c", 5, "", "obs", "encoded")):
        f[path] = ramp(n, 2)
        for key, value in (("name", name), ("role", role), ("kind", kind)):
            f[path].attrs["robocache_" + key] = value


@family("keep", streams={}, rate="5", fails="no usable stream")
def keep_skeleton(f):
    f.attrs["robocache_layout"] = "keep"
    f.create_group("robocache/episode")


# --- RoboManipBaselines -----------------------------------------------------------------------


@family("rmb", says="RmbData-SingleHDF5", rate="20", language="wipe the table",
        kinds={"front_rgb_image": "image", "front_depth_image": "image",
               "measured_eef_pose": "pose", "command_eef_pose": "pose"},
        ledger={"quaternion_order": "wxyz"},
        streams={n: "s /time" for n in ("command_joint_pos", "command_eef_pose", "front_rgb_image",
                                        "front_depth_image", "measured_eef_pose",
                                        "measured_joint_pos")},
        roles={"command_joint_pos": "action", "command_eef_pose": "action"})
def rmb_single(f):
    n = 50
    f.attrs["format"] = "RmbData-SingleHDF5"
    f.attrs["task_desc"] = "wipe the table"
    f["time"] = np.arange(n) / 30 + 0.25
    for who in ("measured", "command"):
        f[who + "_joint_pos"] = ramp(n, 7, "f8")
        f[who + "_eef_pose"] = poses(n).astype("f8")
    f["front_rgb_image"] = frames(n)
    f["front_depth_image"] = np.ones((n, 12, 16), "f4")


@family("rmb", says="'measured_joint_pos'", rate="", streams={"measured_joint_pos": ""})
def rmb_without_time(f):
    f["measured_joint_pos"] = ramp(9, 7)


@family("generic", reason="unknown_layout")
def rmb_skeleton(f):
    f.attrs["format"] = "RmbData-Compact"


# --- RoboHive, RoboSet ------------------------------------------------------------------------


@family("robohive", episodes=3, says="'data/time'", rate="10", success=True,
        streams={n: "s /Trial0/data/time" for n in ("ctrl_arm", "qp_arm", "rgb_left", "pose_ee")},
        kinds={"rgb_left": "image"}, roles={"ctrl_arm": "action"})
def robohive_roboset(f):
    for i in (0, 1, 10):
        n = 60 + i
        g = f.create_group(f"Trial{i}")

        def put(path, rows):
            g.create_dataset(path, data=rows, compression="gzip", compression_opts=4)
        put("data/time", (9 + np.arange(n) * 0.05).astype("f2"))
        put("data/ctrl_arm", ramp(n, 7, "f2"))
        put("data/qp_arm", ramp(n, 7, "f2"))
        put("data/rgb_left", frames(n))
        put("derived/pose_ee", ramp(n, 6, "f2"))
        g["config/solved"] = True


@family("robohive", episodes=2, says="'time'", rate="",
        streams={n: "s /Rollout0/time" for n in ("observations", "actions", "rewards", "done",
                                                 "env_infos/state/qpos")},
        roles={"actions": "action", "rewards": "reward", "done": "done"})
def robohive_rollouts(f):
    for i in range(2):
        n = 21
        g = f.create_group(f"Rollout{i}")
        g["time"] = (np.arange(n) * 0.04).astype("f2")
        g["observations"] = ramp(n, 12, "f2")
        actions = ramp(n, 7, "f2")
        actions[-1] = np.nan
        g["actions"] = actions
        g["rewards"] = ramp(n, 1, "f2")[:, 0]
        g["done"] = np.zeros(n, "i1")
        g["env_infos/state/qpos"] = ramp(n, 9, "f2")


@family("generic", reason="unknown_layout")
def robohive_skeleton(f):
    f.create_group("Trial0/data")


# --- Minari -----------------------------------------------------------------------------------


MINARI_ROLES = {"actions": "action", "rewards": "reward", "dones": "done"}


def minari(f, n, i):
    g = f.create_group(f"episode_{i}", track_order=True)
    g.attrs["id"] = i
    g.attrs["total_steps"] = n
    g["actions"] = ramp(n, 3)
    g["rewards"] = np.arange(n, dtype="f8")
    g["terminations"] = np.arange(n) == n - 1
    g["truncations"] = np.zeros(n, "?")
    return g


@family("minari", episodes=2, says="'episode_0'", rate="", roles=MINARI_ROLES,
        notes=["length_mismatch"], rows={"observations": 16, "actions": 15},
        streams={n: "" for n in ("observations", "actions", "rewards", "dones", "truncations")})
def minari_box(f):
    for i in range(2):
        minari(f, 15, i).create_dataset("observations", data=ramp(16, 4), chunks=(4, 4),
                                        maxshape=(None, 4))


@family("minari", episodes=1, rate="", roles=MINARI_ROLES,
        streams={n: "" for n in ("desired_goal", "_index_0", "actions", "rewards", "dones",
                                 "truncations", "infos/qpos")})
def minari_dict(f):
    g = minari(f, 15, 0)
    g["observations/desired_goal"] = ramp(16, 2)
    g["observations/_index_0"] = ramp(16, 2)
    g["infos/qpos"] = ramp(16, 9)


@family("generic", reason="unknown_layout")
def minari_skeleton(f):
    f.create_group("episode_0/observations")
    f.create_group("episode_0/actions")


# --- flat: D4RL, LeWM -------------------------------------------------------------------------


@family("flat", episodes=6, says="'terminals' and 'timeouts'", rate="",
        ranges=[(0, 40), (40, 40), (80, 21), (101, 19), (120, 40), (160, 40)],
        rows={"observations": 40}, notes=["quaternion_order_assumed"],
        kinds={"infos/quat": "quaternion"},
        streams={n: "" for n in ("observations", "actions", "rewards", "terminals", "timeouts",
                                 "next_obs/observations", "infos/quat")},
        roles={"actions": "action", "rewards": "reward", "terminals": "done",
               "next_obs/observations": "next_obs"})
def flat_d4rl(f):
    n = 200

    def put(name, rows):
        f.create_dataset(name, data=rows, compression="gzip", chunks=(25,) + rows.shape[1:])
    put("observations", ramp(n, 8))
    put("next_observations", ramp(n, 8))
    put("actions", ramp(n, 3))
    put("rewards", ramp(n, 1)[:, 0])
    ends = np.zeros(n, "?")
    ends[[39, 79, 119]] = True
    put("terminals", ends)
    out = np.zeros(n, "?")
    out[[100, 159]] = True
    put("timeouts", out)
    put("infos/quat", unit_quats(n))
    f["metadata/algorithm"] = "SAC"


@family("flat", episodes=3, says="'terminals' cuts", rate="",
        ranges=[(0, 50), (50, 50), (100, 20)], notes=["no_timeouts"],
        rows={"observations": 50}, streams={n: "" for n in ("observations", "actions",
                                                            "terminals")},
        roles={"actions": "action", "terminals": "done"})
def flat_without_timeouts(f):
    f["observations"] = ramp(120, 4)
    f["actions"] = ramp(120, 2)
    f["terminals"] = (np.arange(120) == 49) | (np.arange(120) == 99)


@family("flat", episodes=3, says="'ep_len' and 'ep_offset'", rate="",
        ranges=[(0, 10), (10, 20), (30, 30)],
        rows={"pixels": 10}, streams={n: "" for n in ("pixels", "action", "proprio")},
        kinds={"pixels": "image"}, roles={"action": "action"})
def flat_lewm(f):
    n = 60
    for name, rows in (("pixels", frames(n)), ("action", ramp(n, 2)), ("proprio", ramp(n, 4))):
        f.create_dataset(name, data=rows, chunks=(1,) + rows.shape[1:],
                         maxshape=(None,) + rows.shape[1:])
    f["ep_len"] = np.array([10, 20, 30], "i4")
    f["ep_offset"] = np.array([0, 10, 30], "i8")


@family("flat", episodes=3, says="'ep_idx'", rate="",
        ranges=[(0, 10), (10, 20), (30, 30)],
        rows={"action": 10}, streams={"action": "", "state": ""}, roles={"action": "action"})
def flat_by_number(f):
    f["action"] = ramp(60, 2)
    f["state"] = ramp(60, 2)
    f["ep_idx"] = np.repeat([0, 1, 2], [10, 20, 30])
    f["step_idx"] = np.concatenate([np.arange(10), np.arange(20), np.arange(30)])


@family("maniskill", episodes=1, rate="", says="; flat fits too (90 to 90)",
        roles={"actions": "action", "dones": "done"},
        streams={"obs": "", "actions": "", "dones": ""})
def maniskill_beside_flat(f):
    """Two families in one file: the first of equal scores reads it, and says so."""
    f["traj_0/obs"] = ramp(13, 3)
    f["traj_0/actions"] = ramp(12, 2)
    f["traj_0/terminated"] = np.arange(12) == 11
    f["actions"] = ramp(20, 2)
    f["terminals"] = np.arange(20) % 10 == 9


@family("flat", reason="bad_episode_range")
def flat_beyond(f):
    f["action"] = ramp(60, 2)
    f["ep_len"] = np.array([10, 60], "i4")
    f["ep_offset"] = np.array([0, 10], "i8")


@family("flat", episodes=2, rate="", notes=["length_mismatch"],
        streams={"actions": "", "terminals": ""},
        roles={"actions": "action", "terminals": "done"})
def flat_unequal(f):
    f["actions"] = ramp(60, 2)
    f["observations"] = ramp(61, 2)
    f["terminals"] = np.arange(60) == 29
    f["timeouts"] = np.zeros(7, "?")


# --- sensor rigs ------------------------------------------------------------------------------


@family("rig", says="'ovc'", rate="20",
        kinds={"ovc_left": "image", "ovc_right": "image"},
        streams={"ovc_left": "us /ovc/ts", "ovc_right": "us /ovc/ts",
                 "ovc_imu_accel": "us /ovc/imu/ts", "ovc_imu_omega": "us /ovc/imu/ts",
                 "ouster": "us /ouster/ts_start",
                 "events_left/x": "us /prophesee/left/t", "events_left/y": "us /prophesee/left/t",
                 "events_left/p": "us /prophesee/left/t"},
        rows={"ovc_left": 25, "ovc_imu_accel": 400, "ouster": 10, "events_left/x": 5000})
def rig_m3ed(f):
    def put(path, rows, chunks=True):
        f.create_dataset(path, data=rows, compression="lzf", chunks=chunks)
    for side in ("left", "right"):
        put(f"ovc/{side}/data", frames(25)[..., :1], (1, 12, 16, 1))
        f[f"ovc/{side}/calib/intrinsics"] = np.arange(4.0)
    put("ovc/ts", 2_000_000 + np.arange(25) * 40_000)
    put("ovc/imu/ts", 2_000_000 + np.arange(400) * 2_500)
    put("ovc/imu/accel", ramp(400, 3, "f8"))
    put("ovc/imu/omega", ramp(400, 3, "f8"))
    put("ouster/data", np.ones((10, 8, 64), "u1"))
    put("ouster/ts_start", 2_000_000 + np.arange(10) * 100_000)
    put("ouster/ts_end", 2_099_000 + np.arange(10) * 100_000)
    f["ouster/metadata"] = "{}"
    put("ovc/ts_map_prophesee_left_t", np.arange(25, dtype="u8"))
    put("prophesee/left/t", 2_000_000 + np.arange(5000) * 200)
    put("prophesee/left/x", (np.arange(5000) % 1280).astype("u2"))
    put("prophesee/left/y", (np.arange(5000) % 720).astype("u2"))
    put("prophesee/left/p", (np.arange(5000) % 2).astype("i1"))
    put("prophesee/left/ms_map_idx", np.arange(1000, dtype="u8"))


@family("rig", says="'events' holds", rate="100", notes=["clock_offset"],
        streams={f"events/{n}": "us /events/t" for n in "xyp"})
def rig_events(f):
    n = 4000
    f["events/t"] = np.arange(n, dtype="u4") * 50
    f["events/x"] = (np.arange(n) % 640).astype("u2")
    f["events/y"] = (np.arange(n) % 480).astype("u2")
    f["events/p"] = (np.arange(n) % 2).astype("u1")
    f["ms_to_idx"] = np.arange(0, n, 20, dtype="u8")
    f["t_offset"] = np.int64(1_650_000_000_000_000)


@family("generic", reason="unknown_layout")
def rig_skeleton(f):
    for name in ("ovc/left", "prophesee/left", "events"):
        f.create_group(name)


# --- NWB --------------------------------------------------------------------------------------


@family("nwb", says="NWB 2.5.0", rate="20", language="reaching",
        streams={"wheel": "s /acquisition/wheel/timestamps", "lick": "50 Hz",
                 "behavior/Position/hand": "s /processing/behavior/Position/hand/timestamps"})
def nwb_session(f):
    f.attrs["nwb_version"] = "2.5.0"
    f["session_description"] = "reaching"
    f["acquisition/wheel/data"] = ramp(300, 1)[:, 0]
    f["acquisition/wheel/timestamps"] = 1.5 + np.arange(300) / 100
    f["acquisition/wheel/timestamps"].attrs["unit"] = "seconds"
    f["acquisition/lick/data"] = ramp(150, 2)
    f["acquisition/lick/starting_time"] = 1.25
    f["acquisition/lick/starting_time"].attrs["rate"] = 50.0
    f["processing/behavior/Position/hand/data"] = ramp(90, 3)
    f["processing/behavior/Position/hand/timestamps"] = 1.0 + np.arange(90) / 30
    f["general/subject/age"] = "P90D"
    f["units/spike_times"] = np.arange(700.0)


@family("nwb", episodes=1, rate=None, notes=["no_streams"])
def nwb_skeleton(f):
    f.attrs["nwb_version"] = "2.0b"
    f.create_group("acquisition")
    f["identifier"] = json.dumps({})
    f["file_create_date"] = np.array(["2020"], dtype=h5py.string_dtype())


# --- ALOHA and its kin ------------------------------------------------------------------------


def aloha(f, group="", cameras=("cam_high", "cam_left_wrist"), n=20):
    for name in ("qpos", "qvel", "effort"):
        f[f"{group}observations/{name}"] = ramp(n, 14)
    for cam in cameras:
        f.create_dataset(f"{group}observations/images/{cam}", data=frames(n),
                         chunks=(1, 12, 16, 3))
    f[group + "action"] = ramp(n, 14)


@family("aloha", says="'observations' holds qpos and images", rate="", notes=["usual_rate"],
        roles={"action": "action", "base_action": "action"},
        kinds={"cam_high": "image", "cam_high_depth": "image"}, language="fold the towel",
        streams={n: "" for n in ("qpos", "qvel", "effort", "cam_high", "cam_high_depth", "action",
                                 "base_action")})
def aloha_cobot_magic(f):
    aloha(f, cameras=("cam_high",))
    f.attrs["sim"] = False
    f.attrs["compress"] = False
    f.create_dataset("observations/images_depth/cam_high", data=np.ones((20, 12, 16), "u2"),
                     chunks=(1, 12, 16))
    f["base_action"] = ramp(20, 2)
    f["language_raw"] = "fold the towel"


@family("aloha", says="'robot_0/observations'", rate="",
        roles={"robot_0/action": "action", "robot_1/action": "action"},
        kinds={"robot_0/front": "image", "robot_1/front": "image"},
        streams={f"robot_{i}/{n}": "" for i in (0, 1)
                 for n in ("qpos", "qvel", "effort", "front", "action")})
def aloha_fastumi(f):
    for i in (0, 1):
        aloha(f, f"robot_{i}/", cameras=("front",))


@family("generic", reason="unknown_layout")
def aloha_skeleton(f):
    f.create_group("observations/images")
    f.create_group("action")


# --- robomimic and its kin --------------------------------------------------------------------


def demo(f, i, n, obs, actions=7):
    g = f.create_group(f"data/demo_{i}")
    g.attrs["num_samples"] = n
    g["actions"] = ramp(n, actions, "f8")
    for name, rows in obs.items():
        g["obs/" + name] = rows
    return g


@family("robomimic", episodes=2, says="'data' holds 2 groups", rate="10",
        language="open the middle drawer of the cabinet",
        ledger={"image_rows": "bottom first", "gripper_action": "-1 open, 1 closed",
                "rotation": "axis-angle"},
        kinds={"agentview_rgb": "image"},
        roles={"actions": "action", "rewards": "reward", "dones": "done", "states": "state"},
        streams={n: "20 Hz" for n in ("actions", "agentview_rgb", "ee_ori", "gripper_states",
                                      "rewards", "dones", "states", "robot_states")})
def robomimic_libero(f):
    f.create_group("data")
    f["data"].attrs["env_args"] = json.dumps(
        {"type": 1, "env_name": "Libero", "env_kwargs": {"control_freq": 20}})
    f["data"].attrs["problem_info"] = json.dumps(
        {"language_instruction": "open the middle drawer of the cabinet"})
    f["data"].attrs["macros_image_convention"] = "opengl"
    for i in range(2):
        n = 30 + i
        g = demo(f, i, n, {"agentview_rgb": frames(n), "ee_ori": ramp(n, 3, "f8"),
                           "gripper_states": ramp(n, 2, "f8")})
        g.attrs["init_state"] = np.arange(5.0)
        g["rewards"] = (np.arange(n) == n - 1).astype("u1")
        g["dones"] = (np.arange(n) == n - 1).astype("u1")
        g["states"] = ramp(n, 10, "f8")
        g["robot_states"] = ramp(n, 9, "f8")


@family("robomimic", episodes=1, rate="", language="pick the can", kinds={"eef_quat": "quaternion"},
        ledger={"quaternion_order": "xyzw"}, notes=["length_mismatch"],
        roles={"actions": "action", "states": "state", "action_dict/gripper": "action"},
        rows={"states": 21, "actions": 20},
        streams={n: "20 Hz" for n in ("actions", "states", "eef_quat", "action_dict/gripper")})
def robomimic_robocasa(f):
    f.create_group("data")
    f["data"].attrs["env_args"] = json.dumps({"env_kwargs": {"control_freq": 20}})
    g = demo(f, 1, 20, {"eef_quat": unit_quats(20)}, actions=12)
    g.attrs["ep_meta"] = json.dumps({"lang": "pick the can"})
    g["states"] = ramp(21, 10, "f8")
    g["action_dict/gripper"] = ramp(20, 1)


@family("robomimic", episodes=1, rate="", success=False,
        kinds={"eef_quat": "quaternion", "states/articulation/robot/root_pose": "pose",
               "table_cam": "image"},
        ledger={"quaternion_order": "xyzw"}, roles={"actions": "action"},
        streams={n: "" for n in ("actions", "eef_quat", "table_cam",
                                 "states/articulation/robot/root_pose",
                                 "states/articulation/robot/joint_position",
                                 "datagen_info/eef_pose/franka")})
def robomimic_isaac_new(f):
    f.attrs["format_version"] = 1
    f.create_group("data")
    f["data"].attrs["env_args"] = json.dumps({"env_name": "Isaac-Stack", "type": 2})
    n = 15
    g = demo(f, 0, n, {"eef_quat": unit_quats(n), "table_cam": frames(n),
                       "datagen_info/eef_pose/franka": np.tile(np.eye(4, dtype="f4"), (n, 1, 1))})
    g.attrs["success"] = False
    g["states/articulation/robot/root_pose"] = poses(n)
    g["states/articulation/robot/joint_position"] = ramp(n, 9)
    g["initial_state/articulation/robot/root_pose"] = poses(1)


@family("robomimic", episodes=1, rate="5", roles={"actions": "action"},
        streams={n: "20 Hz" for n in ("actions", "x", "datagen_info/gripper_action",
                                      "datagen_info/subtask_term_signals/grasp")})
def robomimic_mimicgen(f):
    f.create_group("data")
    f["data"].attrs["env_args"] = json.dumps({"env_kwargs": {"control_freq": 20}})
    f["data"].attrs["timestamp"] = 1.7e9
    g = demo(f, 0, 25, {})
    g.create_dataset("obs/x", data=ramp(25, 3), compression="gzip")
    g["datagen_info/gripper_action"] = ramp(25, 1)
    g["datagen_info/subtask_term_signals/grasp"] = np.zeros(25, "i8")
    g["src_demo_inds"] = [3]
    f["mask/train"] = np.array([b"demo_0"])


@family("generic", reason="unknown_layout")
def robomimic_skeleton(f):
    f.create_group("data/demo_0/obs")
    f.create_group("mask")


# --- any arrays -------------------------------------------------------------------------------


@family("generic", says="2 with a clock", rate="20", kinds={"image": "image"},
        streams={"image": "s /timestamp_camera", "force": "s /timestamp_force"})
def generic_recorder(f):
    f["image"] = frames(30)
    f["timestamp_camera"] = 1.7e9 + np.arange(30) / 30
    f["force"] = ramp(300, 6)
    f["timestamp_force"] = 1.7e9 + np.arange(300) / 300


@family("generic", says="with a clock", rate="50", notes=["not_a_quaternion"],
        streams=dict({n: "s /traj/pose/t" for n in ("qw", "qx", "x")},
                     axes="s /traj/pose/t", my_quat="s /traj/pose/t"))
def generic_pytables(f):
    """A table of records: members are streams, one of them the clock."""
    rows = np.zeros(400, [("qw", "f8"), ("qx", "f8"), ("t", "f8"), ("x", ">f4"),
                          ("axes", "f4", (2, 3)), ("my_quat", "f4", (4,)), ("name", "S8")])
    rows["t"] = 1_673_372_040 + np.arange(400) / 200
    rows["qw"] = np.cos(np.arange(400) / 50)
    rows["qx"] = np.sin(np.arange(400) / 50)
    rows["x"] = np.arange(400) / 7
    rows["axes"] = ramp(400, 6).reshape(400, 2, 3)
    rows["my_quat"] = ramp(400, 4)
    f.create_dataset("traj/pose", data=rows, chunks=(33,), compression="gzip")


@family("generic", says="with a clock", rate="5", notes=["time_axis_last"],
        rows={"position": 60, "angle": 60},
        streams={"position": "s /time", "angle": "s /time", "speed": "s /time"})
def generic_time_last(f):
    f["position"] = ramp(2, 60, "f8")
    f.create_dataset("angle", data=ramp(3, 60), chunks=(2, 17), compression="gzip", shuffle=True)
    f["speed"] = ramp(60, 1)[:, 0]
    f["time"] = np.arange(60) * 0.1


@family("mocap", episodes=2, says="dt and num_steps", rate="10",
        kinds={"props/prop_0/quaternion": "quaternion"},
        ledger={"quaternion_order": "wxyz"}, notes=["time_axis_last"],
        streams={n: "20 Hz" for n in ("walkers/walker_0/position", "walkers/walker_0/joints",
                                      "props/prop_0/quaternion")})
def mocap_clips(f):
    for i in (1, 2):
        g = f.create_group(f"CMU_00{i}_01")
        g.attrs["dt"] = 0.05
        g.attrs["num_steps"] = 10 + i
        g["walkers/walker_0/position"] = ramp(3, 10 + i)
        g.create_dataset("walkers/walker_0/joints", data=ramp(56, 10 + i), compression="gzip",
                         shuffle=True)
        g["props/prop_0/quaternion"] = unit_quats(10 + i).T


@family("generic", reason="unknown_layout")
def mocap_skeleton(f):
    f.create_group("CMU_001_01").attrs["dt"] = 0.05


# --- values that tell something ---------------------------------------------------------------


@family("robomimic", episodes=2, rate="", notes=["count_differs"],
        finds=["not_finite", "stuck_stream", "state_equals_action", "trimmed", "shape_differs",
               "stream_not_everywhere"], kinds={"cam": "image", "wrist": "image"},
        roles={"actions": "action"},
        streams={n: "" for n in ("actions", "copied", "stuck", "nan", "cam", "wrist", "after")})
def robomimic_lint(f):
    n = 75
    for i in range(2):
        g = demo(f, i, n, {"copied": ramp(n, 7, "f8"), "stuck": np.ones((n, 3)),
                           "nan": ramp(n, 2), "cam": frames(n, 12, 16 + 4 * i),
                           "after": ramp(n + 1, 2)})
        g["obs/nan"][7, 1] = np.nan
        g["obs/nan"][9, 0] = np.inf
        if i == 0:
            g["obs/wrist"] = frames(n)
            g.attrs["num_samples"] = n + 3
