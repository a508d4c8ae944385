// A pixel of the person: a rough or shiny surface in the stage's light, as three's MeshStandardMaterial shows it.
#version 330

const float PI = 3.14159265;
const float LEAST_SEEN = 0.004;
const float REFLECTED_AHEAD = 0.04; // of what falls straight on a surface that is no metal

uniform vec3 camera;
uniform vec3 light_from;
uniform vec3 light;
uniform float ambient;
uniform float environment;
uniform float room[9]; // spherical harmonics of the light from all sides
uniform vec3 colour_factor;
uniform float roughness;
uniform bool unlit;
#ifdef TOON
uniform vec3 shade;
uniform vec2 shade_edge; // where the shade begins, and how sharply
uniform vec2 toon_light; // from all sides, and directly
#endif
#ifdef SEE_THROUGH
uniform float alpha_factor;
uniform float cutoff;
#endif
uniform bool pictured;
uniform sampler2D picture;

in vec3 place;
in vec3 facing;
in vec3 tint;
in vec2 at;

out vec4 pixel;

// The room's light from one direction, its finer bands damped by so much.
float from_room(vec3 d, float second, float third) {
  float broad = 0.282095 * room[0];
  float sides = 0.488603 * (room[1] * d.y + room[2] * d.z + room[3] * d.x);
  float fine = 1.092548 * (room[4] * d.x * d.y + room[5] * d.y * d.z + room[7] * d.x * d.z)
    + 0.315392 * room[6] * (3.0 * d.z * d.z - 1.0) + 0.546274 * room[8] * (d.x * d.x - d.y * d.y);
  return max(broad + second * sides + third * fine, 0.0);
}

// GGX with Smith's visibility (Heitz 2014) and Schlick's Fresnel term.
float gloss(vec3 n, vec3 v, vec3 l, float alpha) {
  vec3 h = normalize(v + l);
  float nl = max(dot(n, l), 0.0), nv = max(dot(n, v), 1e-4), nh = max(dot(n, h), 0.0), vh = max(dot(v, h), 0.0);
  float a2 = alpha * alpha;
  float spread = nh * nh * (a2 - 1.0) + 1.0;
  float seen = 0.5 / max(nl * sqrt(a2 + (1.0 - a2) * nv * nv) + nv * sqrt(a2 + (1.0 - a2) * nl * nl), 1e-6);
  return a2 / (PI * spread * spread) * seen * (REFLECTED_AHEAD + (1.0 - REFLECTED_AHEAD) * pow(1.0 - vh, 5.0));
}

// How much of the room a surface mirrors (Karis, "Physically based shading on mobile", 2014).
float mirrored(float nv) {
  vec4 r = roughness * vec4(-1.0, -0.0275, -0.572, 0.022) + vec4(1.0, 0.0425, 1.04, -0.04);
  float a = min(r.x * r.x, exp2(-9.28 * nv)) * r.x + r.y;
  return REFLECTED_AHEAD * (-1.04 * a + r.z) + 1.04 * a + r.w;
}

// Khronos PBR neutral tone mapper.
vec3 toned(vec3 c) {
  const float start = 0.8 - 0.04, desaturation = 0.15;
  float low = min(c.r, min(c.g, c.b));
  c -= low < 0.08 ? low - 6.25 * low * low : 0.04;
  float peak = max(c.r, max(c.g, c.b));
  if (peak < start) return c;
  float room_left = 1.0 - start;
  float pressed = 1.0 - room_left * room_left / (peak + room_left - start);
  return mix(c * pressed / peak, vec3(pressed), 1.0 - 1.0 / (desaturation * (peak - pressed) + 1.0));
}

vec3 displayed(vec3 linear) {
  return mix(1.055 * pow(linear, vec3(1.0 / 2.4)) - 0.055, 12.92 * linear, lessThanEqual(linear, vec3(0.0031308)));
}

void main() {
  vec3 base = colour_factor * tint;
  float opaque = 1.0;
#ifdef SEE_THROUGH
  opaque = alpha_factor;
#endif
  vec4 seen = pictured ? texture(picture, at) : vec4(1.0);
  base *= seen.rgb;
#ifdef SEE_THROUGH
  opaque *= seen.a;
  if (opaque < max(cutoff, LEAST_SEEN)) discard;
  if (cutoff > 0.0) opaque = 1.0;
#endif
  vec3 result = base;
#ifdef TOON
  // MToon: lit, in the shade, and a narrow edge between
  vec3 n = normalize(gl_FrontFacing ? facing : -facing);
  float edge = 1.0 - min(shade_edge.y, 0.999);
  float lit = clamp((dot(n, light_from) + shade_edge.x + edge) / (2.0 * edge), 0.0, 1.0);
  result = toon_light.x * base + toon_light.y * mix(shade * tint * seen.rgb, base, lit);
#else
  if (!unlit) {
    vec3 n = normalize(gl_FrontFacing ? facing : -facing), v = normalize(camera - place);
    float alpha = roughness * roughness, nv = clamp(dot(n, v), 0.0, 1.0);
    float diffuse_room = environment * from_room(n, 2.0 / 3.0, 0.25) + ambient / PI;
    float blur = alpha * alpha;
    float mirrored_room = environment * from_room(reflect(-v, n), exp(-blur), exp(-4.0 * blur)) * mirrored(nv);
    mirrored_room *= smoothstep(0.0, 0.5, roughness); // a smooth surface mirrors dark walls and a few lamps, not their mean
    float nl = max(dot(n, light_from), 0.0);
    result = base * (diffuse_room + light * nl / PI) + mirrored_room + light * nl * gloss(n, v, light_from, alpha);
  }
#endif
  pixel = vec4(displayed(clamp(toned(result), 0.0, 1.0)), opaque);
}
